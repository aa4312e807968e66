import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { promisify } from 'node:util'
import { test } from 'tap'
import { plain } from '../plain.ts'

const execute = promisify(execFile)
// The instruments of the test runner would be measured, too.
const bench = (...options: string[]) => execute(...plain(process.execPath, 'dist/bench/run.js', ...options))

test('the benchmark measures, prints its report and writes it as JSON', { timeout: 120_000 }, async t => {
  if (!existsSync('dist/bench/run.js')) await execute(...plain('npx', 'tsc', '-p', 'tsconfig.build.json'))
  const out = `${t.testdir()}/results.json`

  const { stdout } = await bench('--quick', '--only', 'plain,gateway', '--out', out)

  t.match(stdout, /first byte p50[^]*per chunk[^]*resident[^]*readers reset at once[^]*To reach/)
  const { targets, recordings, disconnect, lateness, verdicts, busy } = JSON.parse(await readFile(out, 'utf8'))
  t.match(targets, [
    { name: 'direct', latency: { firstByte: { p50: Number, p99: Number }, chunkDelay: { p50: Number, p99: Number } } },
    { name: 'bare', cpu: { perChunk: [Number], perRequest: [Number] }, memory: { streams: 100, rss: Number } },
    { name: 'plain', cpu: { perChunk: [Number], perRequest: [Number] }, memory: { streams: 100, rss: Number } },
    { name: 'gateway', cpu: { perChunk: [Number], perRequest: [Number] }, memory: { streams: 100, rss: Number } }
  ])
  for (const { name, latency } of targets) t.equal(latency.chunksArrived, latency.chunksSent, `every chunk of ${name} arrived`)
  t.match(recordings, [{ chunk: 4, counted: Number, rss: Number }, { chunk: 4096, counted: Number, rss: Number }])
  t.match(disconnect, { readers: 100, health: Number, healthBefore: Number, cpu: Number })
  t.match(lateness, [0, 50, 0].map(busyMs => ({ busyMs, loopDelay: Number, chunkDelay: { p99: Number }, pause: { p99: Number }, asked: Number, refused: 0 })))
  t.equal(verdicts.length, 9)
  t.match(busy, [{ phase: 'latency' }, { phase: 'CPU' }, { phase: 'memory' }, { phase: 'disconnect' }, { phase: 'lateness' }, { phase: 'recordings' }])
})

test('a variant that does not exist is named, with those that do', async t => {
  await t.rejects(bench('--only', 'nothing'), { message: /no such variant: nothing; there are plain/ })
})
