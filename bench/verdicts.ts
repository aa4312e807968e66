import type { RecordingMemory } from './phases/recordings.ts'
import type { TargetResults, Verdict } from './results.ts'
import { median } from './stats.ts'
import type { Variant } from './variants.ts'

/** How much later than from the upstream itself the first byte may come, in milliseconds. */
const FIRST_BYTE_MS = 1.5
/** How much later than the request the first byte of a recorded answer may come, in milliseconds. */
const RESUME_MS = 5
/** How much resident memory an open stream may take, in KiB. */
const STREAM_KIB = 60

/** How much resident memory a byte may take that is counted for a recording. */
const RECORDED = 2

/** Holds what was found of each variant against what is to be reached. */
export function verdicts (variants: readonly Variant[], targets: readonly TargetResults[], recordings: readonly RecordingMemory[]): Verdict[] {
  const of = (name: string) => targets.find(target => target.name === name)
  const cost = (name: string, key: 'perChunk' | 'perRequest') => median(of(name)?.cpu?.[key] ?? [])
  const cpuVerdict = ({ name, cpu: { against, ...bounds } }: Variant, key: 'perChunk' | 'perRequest', of: string): Verdict[] => {
    const ratio = cost(name, key) / cost(against, key)
    const atMost = bounds[key]
    // Nothing to hold it against: it is not wanted, or the other was not measured.
    if (atMost === undefined || Number.isNaN(ratio)) return []
    return [{ target: name, wanted: `CPU per ${of} at most ${atMost} × ${against}`, found: `${ratio.toFixed(3)} ×`, reached: ratio <= atMost }]
  }

  const ofRecordings = recordings.map(({ chunk, counted, rss }) => {
    const ratio = rss / counted
    return { target: 'recordings', wanted: `at most ${RECORDED} bytes resident for a byte counted, in chunks of ${chunk}`, found: ratio.toFixed(2), reached: ratio <= RECORDED }
  })
  return [...variants.flatMap(variant => {
    const { name } = variant
    const later = firstByte(of(name)) - firstByte(of('direct'))
    const { rss = NaN, heap = NaN, external = NaN } = of(name)?.memory ?? {}
    const resume = of(name)?.resume
    // Pages that the process held in reserve hide a part of what its streams take.
    const kib = Math.max(rss, heap + external) / 1024
    return [
      { target: name, wanted: `first byte p50 less than ${FIRST_BYTE_MS} ms after direct`, found: `${later.toFixed(2)} ms`, reached: later < FIRST_BYTE_MS },
      ...cpuVerdict(variant, 'perChunk', 'chunk'),
      ...cpuVerdict(variant, 'perRequest', 'request'),
      { target: name, wanted: `less than ${STREAM_KIB} KiB per open stream`, found: `${kib.toFixed(1)} KiB`, reached: kib < STREAM_KIB },
      ...(resume ? [{ target: name, wanted: `first byte p50 of a recorded answer in less than ${RESUME_MS} ms`, found: `${resume.p50.toFixed(2)} ms`, reached: resume.p50 < RESUME_MS }] : [])
    ]
  }), ...ofRecordings]
}

function firstByte (target: TargetResults | undefined): number {
  return target?.latency.firstByte.p50 ?? NaN
}
