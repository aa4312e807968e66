import type { Results, TargetResults } from './results.ts'
import { median } from './stats.ts'

/** From this share of a core on, a process beside the targets may be what limits them. */
const TOO_BUSY = 0.9
/** From this share of chunks on, the cost per chunk is that of several relayed at once. */
const TOO_BUNCHED = 0.02

/** The results for people: tables, verdicts, and what makes them doubtful. */
export function report ({ date, machine, settings, targets, recordings, conversations, disconnect, lateness, busy, verdicts }: Results): string {
  const relays = targets.filter(({ name }) => name !== 'direct')
  const direct = targets.find(({ name }) => name === 'direct')
  const { latency, cpu, memory } = settings
  return [
    `${date}  ${machine.cores} × ${machine.cpu}, ${machine.memoryGiB} GiB, Node ${machine.node}, load average ${machine.loadAverage} at the start`,
    '',
    `Latency in ms: ${latency.rounds} × ${latency.streams} streams per target, ${latency.perSecond} started a second, ${latency.chunks} chunks each, one every ${latency.everyMs} ms`,
    ...table(
      ['', 'first byte p50', 'p99', 'chunk delay p50', 'p99', 'added per chunk p50', 'p99', 'chunks sent', 'arrived'],
      targets.map(({ name, latency: { firstByte, chunkDelay, chunksSent, chunksArrived } }) => [
        name, ms(firstByte.p50), ms(firstByte.p99), ms(chunkDelay.p50), ms(chunkDelay.p99),
        ms(chunkDelay.p50 - (direct?.latency.chunkDelay.p50 ?? NaN)), ms(chunkDelay.p99 - (direct?.latency.chunkDelay.p99 ?? NaN)),
        String(chunksSent), String(chunksArrived)
      ])
    ),
    '',
    `CPU time in µs, median (least–most) of ${cpu.rounds} rounds: ${cpu.chunks} chunks of ${cpu.streams} streams, one every ${cpu.everyMs} ms; ${cpu.requests} requests, ${cpu.requestsPerSecond} a second`,
    ...table(
      ['', 'per chunk', '× bare', 'per request', '× bare', 'chunks/s', 'bunched'],
      relays.map(target => [
        target.name, range(target.cpu?.perChunk), ratio(target, relays, 'perChunk'), range(target.cpu?.perRequest), ratio(target, relays, 'perRequest'),
        (target.cpu?.chunksPerSecond ?? NaN).toFixed(0), percent(target.cpu?.bunched ?? NaN)
      ])
    ),
    '',
    `Memory in KiB per open stream, ${memory.streams} streams open, after a garbage collection`,
    ...table(
      ['', 'resident', 'JS heap', 'buffers', 'process before (MiB)'],
      relays.map(({ name, memory }) => [name, kib(memory?.rss), kib(memory?.heap), kib(memory?.external), ((memory?.baseline ?? NaN) / 1024 / 1024).toFixed(1)])
    ),
    '',
    ...relays.flatMap(({ name, resume }) => resume ? [`Resuming "${name}", an answer of ${settings.resume.bytes} bytes: first byte p50 ${ms(resume.p50)} ms, p99 ${ms(resume.p99)} ms`, ''] : []),
    ...(disconnect ? [`${disconnect.readers} readers reset at once: /health/live took at most ${ms(disconnect.health)} ms (${ms(disconnect.healthBefore)} ms before), ${disconnect.cpu.toFixed(0)} µs of CPU time per reader`, ''] : []),
    ...(lateness
      ? [
      `What ${settings.lateness.streams} readers see of a gateway that is late, a chunk every ${settings.lateness.everyMs} ms; times in ms`,
      ...table(
        ['own work a turn', 'competitors', 'loop delay', 'loop busy', 'chunk delay p50', 'p99', 'pause p50', 'p99', 'nothing to read p50', 'p99', 'first byte p50', 'new answers refused'],
        lateness.map(({ busyMs, competitors, loopDelay, utilization, chunkDelay, pause, waited, firstByte, asked, refused }) => [
          String(busyMs), String(competitors), loopDelay.toFixed(0), percent(utilization), ms(chunkDelay.p50), ms(chunkDelay.p99), ms(pause.p50), ms(pause.p99), ms(waited.p50), ms(waited.p99), ms(firstByte.p50), `${refused} of ${asked}`
        ])
      ),
      ''
        ]
      : []),
    `Memory of recordings in MiB, ${settings.recordings.bytes} bytes recorded`,
    ...table(['bytes of a chunk', 'counted', 'resident', 'resident per byte counted'], recordings.map(({ chunk, counted, rss }) => [String(chunk), mib(counted), mib(rss), (rss / counted).toFixed(2)])),
    '',
    'Bytes of messages to the model in turn 10 of a conversation, through the companion',
    ...table(['', 'sent', 'not sent before'], conversations.map(({ kept, sent, fresh }) => [kept ? 'kept session' : 'folded', String(sent), String(fresh)])),
    '',
    'To reach',
    ...table(['', 'wanted', 'found', ''], verdicts.map(({ target, wanted, found, reached }) => [target, wanted, found, reached ? 'reached' : 'MISSED'])),
    '',
    `Share of a core that the others took: ${busy.map(({ phase, generator, upstream }) => `${phase}: generator ${percent(generator)}, upstream ${percent(upstream)}`).join('; ')}`,
    ...busy.filter(({ generator, upstream }) => Math.max(generator, upstream) >= TOO_BUSY).map(({ phase }) => `DOUBTFUL: in the phase "${phase}" the generator or the upstream was the bottleneck`),
    ...relays.filter(({ cpu }) => (cpu?.bunched ?? 0) > TOO_BUNCHED).map(({ name }) => `DOUBTFUL: chunks of "${name}" were relayed several at a time, which makes each look cheaper`)
  ].join('\n')
}

function ratio ({ cpu }: TargetResults, relays: readonly TargetResults[], key: 'perChunk' | 'perRequest'): string {
  return (median(cpu?.[key] ?? []) / median(relays.find(({ name }) => name === 'bare')?.cpu?.[key] ?? [])).toFixed(3)
}

function range (values: readonly number[] = []): string {
  return `${median(values).toFixed(1)} (${Math.min(...values).toFixed(1)}–${Math.max(...values).toFixed(1)})`
}

const ms = (value: number) => value.toFixed(2)
const mib = (bytes: number) => (bytes / 1024 / 1024).toFixed(1)
const kib = (bytes = NaN) => (bytes / 1024).toFixed(1)
const percent = (share: number) => `${(share * 100).toFixed(share < 0.1 ? 1 : 0)} %`

function table (head: readonly string[], rows: ReadonlyArray<readonly string[]>): string[] {
  const lines = [head, ...rows]
  const widths = head.map((_title, column) => Math.max(...lines.map(line => line[column]?.length ?? 0)))
  return lines.map(line => `  ${line.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('   ')}`.trimEnd())
}
