import { readFile } from 'node:fs/promises'
import { test } from 'tap'
import { Config } from '../../plugins/config.ts'
import { tableRows } from './tables.ts'

/** The variables of the gateway and their defaults, as text. */
const variables = Object.fromEntries(Object.entries(Config.properties).map(([name, schema]) => [name, 'default' in schema ? String(schema.default) : '']))

test('the README has every variable of the gateway with its default', async t => {
  const rows = await tableRows('README.md', 'name')
  const documented = Object.fromEntries(rows.map(([name = '', value]) => [name, value === '(empty)' ? '' : value]))

  for (const [name, value] of Object.entries(variables)) t.equal(documented[name], value, name)
})

test('.env.example has the variables of the README, each once and with its default', async t => {
  const rows = await tableRows('README.md', 'name')
  const examples = (await readFile('.env.example', 'utf8')).split('\n').filter(line => /^#?[A-Z_]+=/.test(line))

  t.strictSame(examples.toSorted(), rows.map(([name, value]) => `#${name}=${value === '(empty)' ? '' : value}`).toSorted())
})
