import { mkdirSync, writeFileSync } from 'node:fs'
import { cpus, loadavg, totalmem } from 'node:os'
import { dirname } from 'node:path'
import { Child } from './child.ts'
import { warmUp } from './load.ts'
import { options } from './options.ts'
import { conversation } from './phases/conversation.ts'
import { cpu } from './phases/cpu.ts'
import { disconnect } from './phases/disconnect.ts'
import { latency } from './phases/latency.ts'
import { lateness } from './phases/lateness.ts'
import { memory } from './phases/memory.ts'
import { recordings } from './phases/recordings.ts'
import { resume } from './phases/resume.ts'
import { report } from './report.ts'
import type { Busy, Results, TargetResults } from './results.ts'
import type { Spread } from './stats.ts'
import { full, quick, type Settings, withinLimits } from './settings.ts'
import { bare, direct, gateway, type Target } from './target.ts'
import { type Variant, variants } from './variants.ts'
import { verdicts } from './verdicts.ts'

// Not a test: a target that is missed is told, not failed for.
const names = variants.map(({ name }) => name)
const only = options.only?.split(',') ?? names
const unknown = only.filter(name => !names.includes(name))
if (unknown.length > 0) throw new Error(`--only: no such variant: ${unknown.join(', ')}; there are ${names.join(', ')}`)

const results = await run(variants.filter(({ name }) => only.includes(name)), withinLimits(options.quick ? quick : full))
mkdirSync(dirname(options.out), { recursive: true })
writeFileSync(options.out, `${JSON.stringify(results, null, 2)}\n`)
console.log(report(results))

async function run (variants: readonly Variant[], settings: Settings): Promise<Results> {
  const begun = { date: new Date().toISOString(), machine: machine() }
  const busy: Busy[] = []
  const upstream = await Child.start('upstream.js')
  const started: Target[] = []
  try {
    const starts = [bare, ...variants.map(gateway)]
    started.push(...await Promise.all(starts.map(start => start(upstream))))

    const all = [direct(upstream), ...started]
    for (const target of all) await warmUp(target, settings.warmUp)
    const latencies = await watch('latency', upstream, busy, () => latency(all, settings.latency))
    const costs = await watch('CPU', upstream, busy, () => cpu(started, settings.cpu))
    const resumes = new Map<string, Spread>()
    for (const target of started) if (target.body.resumable) resumes.set(target.name, await resume(target, settings.resume))
    for (const { child } of started) await child.stop()
    const memories = await watch('memory', upstream, busy, () => memory(starts, upstream, settings.memory))

    const plainText = variants.find(({ name }) => name === 'gateway')
    const left = plainText && await watch('disconnect', upstream, busy, () => disconnect(gateway(plainText), upstream, settings.disconnect))
    const late = plainText && await watch('lateness', upstream, busy, () => lateness(gateway(plainText), upstream, settings.lateness))

    const recorded = await watch('recordings', upstream, busy, () => recordings(settings.recordings))
    const conversations = await conversation()

    const targets: TargetResults[] = [...latencies].map(([name, latency]) => ({ name, latency, cpu: costs.get(name), memory: memories.get(name), resume: resumes.get(name) }))
    return { ...begun, settings, targets, recordings: recorded, conversations, disconnect: left, lateness: late, busy, verdicts: verdicts(variants, targets, recorded) }
  } finally {
    for (const { child } of started) await child.stop()
    await upstream.stop()
  }
}

/** Notes how much of a core the generator (this process) and the upstream take while a phase runs. */
async function watch<T> (phase: string, upstream: Child, busy: Busy[], measure: () => Promise<T>): Promise<T> {
  const before = { time: performance.now(), generator: process.cpuUsage(), upstream: await upstream.usage() }
  const found = await measure()
  const micros = (performance.now() - before.time) * 1000
  const generator = process.cpuUsage(before.generator)
  busy.push({
    phase,
    generator: (generator.user + generator.system) / micros,
    upstream: ((await upstream.usage()).cpu - before.upstream.cpu) / micros
  })
  return found
}

function machine (): Results['machine'] {
  return {
    cpu: cpus()[0]?.model ?? 'unknown',
    cores: cpus().length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    node: process.versions.node,
    loadAverage: Number(loadavg()[0]?.toFixed(2))
  }
}
