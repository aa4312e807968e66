import { readFile } from 'node:fs/promises'
import { test } from 'tap'
import { environmentExample, settingsPage } from '../../docs/settings.ts'
import { checkSettings } from '../../lib/settings/check.ts'
import { parseEnvFile } from '../../lib/settings/env-file.ts'
import { SETTINGS } from '../../plugins/config.ts'
import { tableRows } from './tables.ts'

const page = await readFile('docs/settings.md', 'utf8')
const example = await readFile('.env.example', 'utf8')

test('docs/settings.md and .env.example are what "npm run settings" makes of the schema', t => {
  t.equal(page, settingsPage(page))
  t.equal(example, environmentExample())
  t.throws(() => settingsPage('# Settings'), /no place for what is generated/)
  t.end()
})

test('docs/settings.md has every setting once, with its default', async t => {
  const rows = await tableRows('docs/settings.md', 'name')
  const documented = Object.entries(SETTINGS).filter(([, { description }]) => description !== undefined)
  t.strictSame(rows.map(([name, initial]) => [name, initial === '(empty)' ? '' : initial]).toSorted(),
    documented.map(([name, { default: initial = '' }]) => [name, String(initial)]).toSorted())
})

test('.env.example without its comment marks is a settings file that changes nothing', t => {
  const values = parseEnvFile('.env.example', example.replaceAll(/^#(?=[A-Z_]+=)/gm, ''))
  t.strictSame(checkSettings(values), checkSettings({}))
  t.end()
})
