import { gzipSync } from 'node:zlib'
import { build } from 'esbuild'
import { test } from 'tap'

test('the client is under 5 KB, minified and gzipped, and depends on nothing', async t => {
  const { outputFiles, metafile } = await build({ entryPoints: ['client/index.ts'], bundle: true, minify: true, format: 'esm', platform: 'browser', target: 'es2022', write: false, metafile: true })
  const size = gzipSync(outputFiles[0]?.contents ?? '').length
  t.comment(`${size} bytes`)
  t.ok(size > 1_000 && size < 5_000, `${size} bytes`)
  t.strictSame(Object.keys(metafile.inputs).filter(path => !path.startsWith('client/')), [])
})
