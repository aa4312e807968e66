import { readdir, stat } from 'node:fs/promises'
import { test } from 'tap'
import { buildPage } from './build.ts'

test('all that is served for the page is under 60 KB', async t => {
  const directory = t.testdir()
  await buildPage(directory)
  const names = await readdir(directory)
  t.strictSame(names.toSorted(), ['icon.svg', 'index.html', 'main.js', 'styles.css'])
  const sizes = await Promise.all(names.map(async name => (await stat(`${directory}/${name}`)).size))
  const size = sizes.reduce((sum, size) => sum + size, 0)
  t.comment(`${size} bytes`)
  t.ok(size > 10_000 && size < 60_000, `${size} bytes`)
})
