import { readFile } from 'node:fs/promises'
import { test } from 'tap'
import { codeBlocks } from './tables.ts'

for (const [language, file] of [['nginx', 'deploy/nginx.conf'], ['haproxy', 'deploy/haproxy.cfg']] as const) {
  test(`the settings of ${language} in docs/deployment.md are those of ${file}, which was tried`, async t => {
    const [block = ''] = await codeBlocks('docs/deployment.md', language)
    const settings = (await readFile(file, 'utf8')).split('\n').map(line => line.trim())

    t.ok(block)
    t.strictSame(block.trim().split('\n').filter(line => !settings.includes(line)), [])
  })
}
