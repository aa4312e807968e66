import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Test, test } from 'tap'
import { ask, build, type Gateway, pair, streams, upstream } from '../helper.ts'
import { program } from '../programs.ts'
import { freePort } from '../ports.ts'

/** The queries of docs/operations.md, by the heading of their symptom. */
const queries = new Map([...(await readFile('docs/operations.md', 'utf8')).matchAll(/^### (.+)\n\n```promql\n(.+)\n```$/gm)].map(([, symptom = '', query = '']) => [symptom, query]))

/** A query's result: the values, by the values of their labels. */
type Result = Record<string, number>

interface Rehearsal {
  readonly symptom: string
  readonly gateway: Gateway
  /** Brings the symptom about, again and again. */
  cause (): Promise<unknown>
  /** Whether the query's result is the symptom. */
  shows (result: Result): boolean
  /** Resolves with the line of the log that belongs to it. */
  logs (): Promise<unknown>
}

/** Starts a Prometheus that scrapes gateways every 200 ms; it stops with the test. Resolves with the function that queries it; undefined where it is not installed. */
async function prometheus (t: Test, gateways: readonly Gateway[]): Promise<((query: string) => Promise<Result>) | undefined> {
  const path = program(t, 'prometheus', 'prometheus')
  if (!path) return undefined
  const directory = await mkdtemp(join(tmpdir(), 'prometheus-'))
  const port = await freePort()
  const config = join(directory, 'prometheus.yaml')
  const targets = JSON.stringify(gateways.map(({ port }) => `127.0.0.1:${port}`))
  await writeFile(config, `scrape_configs: [{ job_name: gw, scrape_interval: 200ms, scrape_timeout: 200ms, static_configs: [{ targets: ${targets} }] }]`)
  const child = spawn(path, [`--config.file=${config}`, `--storage.tsdb.path=${directory}`, `--web.listen-address=127.0.0.1:${port}`, '--log.level=error'], { stdio: 'inherit' })
  t.teardown(async () => {
    child.kill('SIGKILL')
    await once(child, 'exit')
    await rm(directory, { recursive: true })
  })
  return async query => {
    const response = await fetch(`http://127.0.0.1:${port}/api/v1/query?${new URLSearchParams({ query })}`).catch(() => undefined)
    if (!response?.ok) return {}
    const { data }: { data: { result: Array<{ metric: Record<string, string>, value: [number, string] }> } } = JSON.parse(await response.text())
    return Object.fromEntries(data.result.map(({ metric, value }) => [Object.values(metric).join(' '), Number(value[1])]))
  }
}

async function answersThatBeginLate (t: Test): Promise<Rehearsal> {
  const gateway = await pair(t, { '/chat/stream': async (reply, request) => { await sleep(300); await streams('late')(reply, request) } }, { RATE_LIMIT_MAX: '0' })
  return {
    symptom: 'Answers begin late',
    gateway,
    cause: async () => await (await ask(gateway.url)).text(),
    shows: result => Object.values(result).some(seconds => seconds > 0.25),
    logs: () => gateway.log.line(({ firstByteMs, upstream }) => Number(firstByteMs) > 250 && upstream === gateway.service.url)
  }
}

async function answersThatAreCut (t: Test): Promise<Rehearsal> {
  const gateway = await pair(t, { '/chat/stream': reply => reply.writeHead(200, { 'content-type': 'text/plain' }).write('begun') }, { COPILOT_IDLE_TIMEOUT_MS: '100', RATE_LIMIT_MAX: '0' })
  return {
    symptom: 'Answers are cut',
    gateway,
    cause: async () => await (await ask(gateway.url)).text().catch(() => {}),
    shows: result => Number(result[`idle_timeout ${gateway.service.url}`]) > 0,
    logs: () => gateway.log.line(({ level, ended, errorType }) => level === 40 && ended === 'idle_timeout' && errorType === 'idle_timeout')
  }
}

async function tooManyRequests (t: Test): Promise<Rehearsal> {
  const gateway = await pair(t, { '/chat/stream': streams('fine') }, { RATE_LIMIT_MAX: '1' })
  return {
    symptom: 'Clients get 429 or 503',
    gateway,
    cause: async () => await (await ask(gateway.url)).text(),
    shows: result => Number(result.rate_limited) > 0,
    logs: () => gateway.log.line(({ status, errorType, caller }) => status === 429 && errorType === 'rate_limited' && caller === 'anonymous')
  }
}

async function oneSickService (t: Test): Promise<Rehearsal> {
  const well = await upstream(t, { '/chat/stream': streams('fine') })
  const sick = await upstream(t, { '/chat/stream': reply => reply.destroy() })
  const gateway = await build(t, { COPILOT_SERVICE_URL: `${sick.url},${well.url}`, RATE_LIMIT_MAX: '0' })
  return {
    symptom: 'One service is sick',
    gateway,
    cause: async () => await ask(gateway.url).then(response => response.text()).catch(() => {}),
    shows: result => result[sick.url] === 0 && result[well.url] === undefined,
    logs: () => gateway.log.line(({ msg, upstream, errorType }) => msg === 'a Copilot service keeps failing, and is left out' && upstream === sick.url && errorType === 'connection')
  }
}

async function redisThatIsGone (t: Test): Promise<Rehearsal> {
  const gateway = await pair(t, { '/chat/stream': streams('fine') }, { REDIS_URL: `redis://127.0.0.1:${await freePort()}`, RATE_LIMIT_MAX: '0' })
  return {
    symptom: 'Redis is gone',
    gateway,
    cause: async () => await (await ask(gateway.url)).text(),
    shows: result => Object.values(result).includes(0),
    logs: () => gateway.log.line(({ msg, reason }) => msg.startsWith('Redis is lost') && reason === 'ECONNREFUSED')
  }
}

async function memoryThatGrows (t: Test): Promise<Rehearsal> {
  const gateway = await pair(t, { '/chat/stream': streams('x'.repeat(70_000)) }, { RESUME_MAX_BYTES: '65536', RATE_LIMIT_MAX: '0' })
  return {
    symptom: 'Memory grows',
    gateway,
    cause: async () => await (await ask(gateway.url, { prompt: 'Hi', resumable: true })).text(),
    shows: result => Object.values(result).some(mebibytes => mebibytes > 10),
    logs: () => gateway.log.line(({ msg }) => msg === 'resumable answer is kept no longer: there is no room for it')
  }
}

test('every symptom of the runbook is shown by its query and by its line of the log', async t => {
  const rehearsals = await Promise.all([answersThatBeginLate, answersThatAreCut, tooManyRequests, oneSickService, redisThatIsGone, memoryThatGrows].map(prepare => prepare(t)))
  const query = await prometheus(t, rehearsals.map(({ gateway }) => gateway))
  if (!query) return
  t.strictSame(rehearsals.map(({ symptom }) => symptom), [...queries.keys()])
  for (const { symptom, cause, shows, logs } of rehearsals) {
    const seen = { query: false, log: false }
    void logs().then(() => { seen.log = true })
    while (!seen.query || !seen.log) {
      await cause()
      // Prometheus takes values when it wants to: there is no event to wait for.
      await sleep(100)
      seen.query ||= shows(await query(String(queries.get(symptom))))
    }
    t.pass(symptom)
  }
})
