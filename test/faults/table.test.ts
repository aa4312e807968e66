import { readdir, readFile } from 'node:fs/promises'
import { test } from 'tap'
import { TABLE } from './table.ts'

/** Tests in this folder that are about no single fault. */
const others = ['gaps.test.ts', 'table.test.ts']

test('every fault that is published has its test, and every test of a fault is published', async t => {
  const links = [...(await readFile(TABLE, 'utf8')).matchAll(/^\| \[(.+?)\]\(\.\.\/test\/faults\/(.+?)\) \|/gm)]
  const files = (await readdir(new URL('.', import.meta.url))).filter(file => file.endsWith('.test.ts') && !others.includes(file))
  t.ok(files.length > 0)
  t.strictSame([...new Set(links.map(([, , file]) => file))].sort(), files.sort())
  for (const [, name, file] of links) {
    t.match(await readFile(new URL(`${file}`, import.meta.url), 'utf8'), `fault('${name}'`, `${file} is about what its row says`)
  }
})
