import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { type Test, test } from 'tap'
import { parse, stringify } from 'yaml'
import { ask, pair } from '../helper.ts'
import { program } from '../programs.ts'
import { type Scrape, scrape } from '../scrape.ts'

/** What the tests look at of the rules and of the dashboard. */
interface Rules { groups: Array<{ rules: Array<{ alert: string, expr: string, labels: { severity: string }, annotations: Record<string, string> }> }> }
interface Dashboard { uid: string, schemaVersion: number, templating: { list: Array<{ name: string }> }, panels: Array<{ title: string, targets: Array<{ expr: string }> }> }

const parsed: Rules = parse(await readFile('deploy/alerts.yaml', 'utf8'))
const rules = parsed.groups.flatMap(({ rules }) => rules)
const dashboard: Dashboard = JSON.parse(await readFile('deploy/grafana-dashboard.json', 'utf8'))
const expressions = dashboard.panels.flatMap(({ targets }) => targets.map(({ expr }) => expr))

/** Runs promtool with an input; resolves with its exit code and what it has written. Undefined where it is not installed. */
async function promtool (t: Test, args: string[], input = ''): Promise<{ code: number, output: string } | undefined> {
  const path = program(t, 'promtool', 'prometheus')
  if (!path) return undefined
  const child = spawn(path, args)
  let output = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', chunk => { output += String(chunk) })
  child.stdin.end(input)
  const [code] = await once(child, 'close')
  return { code, output }
}

const WITH_USAGE = 'event: delta\ndata: {"text":"Hi"}\n\nevent: done\ndata: {"finishReason":"stop","usage":{"inputTokens":1,"outputTokens":2}}\n\n'

/** A gateway's metrics after an answer. */
async function liveScrape (t: Test): Promise<Scrape> {
  const { url, log } = await pair(t, { '/chat/stream': reply => reply.writeHead(200, { 'content-type': 'text/event-stream' }).end(WITH_USAGE) }, { REDIS_URL: 'redis://127.0.0.1:9' })
  await (await ask(url)).text()
  await log.ended()
  return await scrape(url)
}

test('Prometheus takes the rules, which fire when they should and are silent when they should', async t => {
  const result = await promtool(t, ['test', 'rules', 'test/deploy/alerts.test.yaml'])
  if (result) t.equal(result.code, 0, result.output)
})

test('Prometheus finds nothing wrong with the names and texts of the metrics', async t => {
  const result = await promtool(t, ['check', 'metrics'], (await liveScrape(t)).text)
  if (result) t.strictSame(result, { code: 0, output: '' })
})

test('Prometheus can read every expression of the dashboard', async t => {
  const generated = expressions.map((expr, index) => ({ record: `panel:${index}`, expr: expr.replaceAll('$__rate_interval', '5m') }))
  const directory = t.testdir({ 'rules.yaml': stringify({ groups: [{ name: 'dashboard', rules: generated }] }) })
  const result = await promtool(t, ['check', 'rules', `${directory}/rules.yaml`])
  if (result) t.match(result, { code: 0, output: `${expressions.length} rules found` })
})

test('every metric in the rules and on the dashboard is one that a gateway has, and all of its own are on the dashboard', async t => {
  const names = (text: string) => new Set(text.match(/\b(gateway|gen_ai_server|gen_ai_client|process|nodejs)_\w+/g))
  const { samples } = await liveScrape(t)
  const known = new Set(samples.map(({ name }) => name))
  t.strictSame([...names([...expressions, ...rules.map(({ expr }) => expr)].join('\n'))].filter(name => !known.has(name)), [])

  const shown = names(expressions.join('\n'))
  const own = [...known].filter(name => name.startsWith('gateway_') && !/_(sum|count)$/.test(name))
  t.strictSame(own.filter(name => !shown.has(name)), [])
})

test('every alert says how bad it is, and where to read on', async t => {
  const headings = [...(await readFile('docs/operations.md', 'utf8')).matchAll(/^### (\w+)$/gm)].map(([, heading]) => heading)
  for (const { alert, labels, annotations } of rules) {
    t.match(labels.severity, /^(warning|critical)$/, alert)
    t.match(annotations, { summary: /\w/, description: /\w/, runbook: `docs/operations.md#${alert.toLowerCase()}` })
    t.ok(headings.includes(alert), `${alert} is in docs/operations.md`)
  }
})

test('the dashboard is for any data source and job', async t => {
  t.match(dashboard, { uid: /^\S+$/, schemaVersion: Number })
  t.strictSame(dashboard.templating.list.map(({ name }) => name), ['datasource', 'job'])
  t.strictSame(expressions.filter(expr => !expr.includes('job=~"$job"')), [])
})
