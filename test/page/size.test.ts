import { readdir, readFile } from 'node:fs/promises'
import { gzipSync } from 'node:zlib'
import { test } from 'tap'
import { buildPage } from './build.ts'

test('all that is served for the page is under 120 KB, gzipped', async t => {
  const directory = t.testdir()
  await buildPage(directory)
  const names = await readdir(directory)
  t.strictSame(names.toSorted(), ['icon.svg', 'index.html', 'main.js', 'styles.css'])
  const sizes = await Promise.all(names.map(async name => gzipSync(await readFile(`${directory}/${name}`)).length))
  const size = sizes.reduce((sum, size) => sum + size, 0)
  t.comment(`${size} bytes`)
  t.ok(size > 10_000 && size < 120_000, `${size} bytes`)
})
