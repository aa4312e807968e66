import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Test, test } from 'tap'
import { ask, build, type Gateway, pair, type Script, streams, upstream } from '../helper.ts'
import { program } from '../programs.ts'
import { freePort } from '../ports.ts'

/** The queries of docs/operations.md, by the heading of their symptom. */
const queries = new Map([...(await readFile('docs/operations.md', 'utf8')).matchAll(/^### (.+)\n\n```promql\n(.+)\n```$/gm)].map(([, symptom = '', query = '']) => [symptom, query]))

/** A query's result: the values, by the values of their labels. */
type Result = Record<string, number>

/** Starts a Prometheus that scrapes a gateway every 200 ms; it stops with the test. Undefined where it is not installed. */
async function prometheus (t: Test, { port }: Gateway): Promise<{ query (text: string): Promise<Result> } | undefined> {
  const path = program(t, 'prometheus', 'prometheus')
  if (!path) return undefined
  const directory = await mkdtemp(join(tmpdir(), 'prometheus-'))
  const own = await freePort()
  const config = join(directory, 'prometheus.yaml')
  await writeFile(config, `scrape_configs: [{ job_name: gw, scrape_interval: 200ms, scrape_timeout: 200ms, static_configs: [{ targets: ['127.0.0.1:${port}'] }] }]`)
  const child = spawn(path, [`--config.file=${config}`, `--storage.tsdb.path=${directory}`, `--web.listen-address=127.0.0.1:${own}`, '--log.level=error'], { stdio: 'inherit' })
  t.teardown(async () => {
    child.kill('SIGKILL')
    await once(child, 'exit')
    await rm(directory, { recursive: true })
  })
  return {
    async query (text) {
      const response = await fetch(`http://127.0.0.1:${own}/api/v1/query?${new URLSearchParams({ query: text })}`).catch(() => undefined)
      if (!response?.ok) return {}
      const { data }: { data: { result: Array<{ metric: Record<string, string>, value: [number, string] }> } } = JSON.parse(await response.text())
      return Object.fromEntries(data.result.map(({ metric, value }) => [Object.values(metric).join(' '), Number(value[1])]))
    }
  }
}

/** Causes a symptom again and again until its query shows it, and resolves with the result. */
async function rehearse (t: Test, gateway: Gateway, symptom: string, cause: () => Promise<unknown>, shows: (result: Result) => boolean): Promise<void> {
  const query = queries.get(symptom)
  if (query === undefined) throw new Error(`docs/operations.md has no query for: ${symptom}`)
  const server = await prometheus(t, gateway)
  for (;;) {
    await cause()
    // Prometheus takes values when it wants to: there is no event to wait for.
    await sleep(100)
    const result = await server?.query(query)
    if (!result || shows(result)) break
  }
}

const stalls: Script = reply => reply.writeHead(200, { 'content-type': 'text/plain' }).write('begun')

test('the runbook has no symptom without a rehearsal', async t => {
  t.strictSame([...queries.keys()], ['Answers begin late', 'Answers are cut', 'Clients get 429 or 503', 'One service is sick', 'Memory grows'])
})

test('answers that begin late', async t => {
  const gateway = await pair(t, { '/chat/stream': async (reply, request) => { await sleep(300); await streams('late')(reply, request) } }, { RATE_LIMIT_MAX: '0' })
  await rehearse(t, gateway, 'Answers begin late', async () => await (await ask(gateway.url)).text(), result => Object.values(result).some(seconds => seconds > 0.25))
  const { firstByteMs, upstream } = await gateway.log.ended()
  t.ok(Number(firstByteMs) > 250)
  t.equal(upstream, gateway.service.url)
})

test('answers that are cut', async t => {
  const gateway = await pair(t, { '/chat/stream': stalls }, { COPILOT_IDLE_TIMEOUT_MS: '100', RATE_LIMIT_MAX: '0' })
  const { url, service } = gateway
  await rehearse(t, gateway, 'Answers are cut', async () => { await t.rejects((await ask(url)).text()) }, result => Number(result[`idle_timeout ${service.url}`]) > 0)
  t.match(await gateway.log.ended(), { level: 40, ended: 'idle_timeout', errorType: 'idle_timeout', error: String })
})

test('clients that get 429', async t => {
  const gateway = await pair(t, { '/chat/stream': streams('fine') }, { RATE_LIMIT_MAX: '1' })
  await rehearse(t, gateway, 'Clients get 429 or 503', async () => await (await ask(gateway.url)).text(), result => Number(result.rate_limited) > 0)
  t.match(await gateway.log.line(({ status }) => status === 429), { errorType: 'rate_limited', caller: 'anonymous' })
})

test('one service that is sick', async t => {
  const well = await upstream(t, { '/chat/stream': streams('fine') })
  const sick = await upstream(t, { '/chat/stream': reply => reply.destroy() })
  const both = await build(t, { COPILOT_SERVICE_URL: `${sick.url},${well.url}`, RATE_LIMIT_MAX: '0' })
  await rehearse(t, both, 'One service is sick', async () => await ask(both.url).then(response => response.text()).catch(() => {}), result => result[sick.url] === 0 && result[well.url] === undefined)
  t.match(await both.log.line(({ msg }) => msg === 'a Copilot service keeps failing, and is left out'), { upstream: sick.url, errorType: 'connection' })
})

test('memory that grows', async t => {
  const gateway = await pair(t, { '/chat/stream': streams('x'.repeat(70_000)) }, { RESUME_MAX_BYTES: '65536', RATE_LIMIT_MAX: '0' })
  await rehearse(t, gateway, 'Memory grows', async () => await (await ask(gateway.url, { prompt: 'Hi', resumable: true })).text(), result => Object.values(result).some(mebibytes => mebibytes > 10))
  await gateway.log.line(({ msg }) => msg === 'resumable answer is kept no longer: there is no room for it')
})
