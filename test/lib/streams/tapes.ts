import { setImmediate } from 'node:timers/promises'
import fc from 'fast-check'
import { type Test, test } from 'tap'
import type { Part, Position } from '../../../lib/answer/answer.ts'
import { GatewayError } from '../../../lib/errors.ts'
import type { LiveRecording, Reading, RecordingStore } from '../../../lib/streams/recording.ts'
import { begun, forever, reasoning, text, tool } from './recorded.ts'

const seed = 20_261_125
const characters = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 6 }).map(text => text.toWellFormed())
const part: fc.Arbitrary<Part> = fc.oneof(
  characters.map(text), characters.map(text), characters.map(reasoning),
  fc.tuple(fc.string({ maxLength: 2 }), fc.constantFrom<'running' | 'done' | 'failed'>('running', 'done', 'failed')).map(([id, state]) => tool(id, state))
)
const parts = fc.array(part, { minLength: 1, maxLength: 12 })
const end = fc.constantFrom('stop', 'length', null, 'failure')
/** Where a reader breaks off, one connection after the other, and how it reads on. */
const reader = fc.record({ cuts: fc.array(fc.nat(120), { maxLength: 4 }), unit: fc.constantFrom<'bytes' | 'characters'>('bytes', 'characters'), dot: fc.boolean(), how: fc.constantFrom('iterator', 'data', 'readable') })
type Reader = typeof reader extends fc.Arbitrary<infer T> ? T : never

/** What moves a position on by one: a byte of text, a byte of thoughts, a tool. */
function units (parts: readonly Part[]): string[] {
  return parts.flatMap(part => part.type === 'tool' ? JSON.stringify(part) : [...part.bytes].map(byte => `${part.type} ${byte}`))
}

function positionOf (units: readonly string[]): Position {
  const bytes = units.filter(unit => unit.startsWith('text')).length
  return { bytes, rest: units.length - bytes }
}

/** Hands over parts until the taker has enough, which ends the reading; false when the reading ended by itself. Rejects as it fails. */
async function takeFrom ({ parts }: Reading, how: string, take: (part: Part) => boolean): Promise<boolean> {
  if (how === 'iterator') {
    for await (const part of parts) if (take(part)) return true
    return false
  }
  return await new Promise((resolve, reject) => {
    const taken = (part: Part): void => {
      if (!take(part)) return
      resolve(true)
      parts.destroy()
    }
    parts.once('end', () => resolve(false)).once('error', reject)
    if (how === 'data') parts.on('data', taken)
    else parts.on('readable', () => { for (let part: Part | null = parts.read(); part; part = parts.read()) taken(part) })
  })
}

/** Reads a recording over several connections, and resolves with all that it was told, and how it ended. */
async function readAll (recording: LiveRecording, { cuts, unit, dot, how }: Reader): Promise<{ have: string[], ended: string | null }> {
  let have: string[] = []
  for (const cut of [...cuts.sort((a, b) => a - b), Infinity]) {
    if (cut < have.length) continue
    const { bytes, rest } = positionOf(have)
    const reading = await recording.read(dot ? { bytes, rest } : { bytes }, forever, unit)
    const { offset } = reading
    // It may begin a little earlier, and never later.
    if (offset.bytes + offset.rest > have.length) throw new Error('there is a gap')
    have.length = offset.bytes + offset.rest
    try {
      const broken = await takeFrom(reading, how, part => {
        have.push(...units([part]))
        return have.length > cut
      })
      if (!broken) return { have, ended: reading.ending().finishReason }
    } catch (error) {
      if (!(error instanceof GatewayError)) throw error
      return { have, ended: 'failure' }
    }
    have = have.slice(0, cut)
  }
  throw new Error('nobody breaks off behind the end')
}

async function write (recording: LiveRecording, parts: readonly Part[], end: 'stop' | 'length' | 'failure' | null): Promise<void> {
  for (const part of parts) {
    await recording.append(part, forever)
    await setImmediate()
  }
  if (end === 'failure') await recording.fail(new GatewayError('idle_timeout'))
  else await recording.finish({ finishReason: end })
}

/** What must hold for every answer and every reader. */
export function testTapes (name: string, make: (t: Test, bounds: { maxBytes?: number }) => Promise<RecordingStore>): void {
  test(`${name}: wherever readers break off and go on, nothing is lost, doubled or falsely whole`, async t => {
    const store = await make(t, {})
    await fc.assert(fc.asyncProperty(parts, end, fc.array(reader, { minLength: 1, maxLength: 4 }), async (parts, end, readers) => {
      const recording = await begun(store)
      const all = readers.map(async reader => await readAll(recording, reader))
      await write(recording, parts, end)
      // Late ones get the same.
      all.push(...readers.map(async reader => await readAll(recording, reader)))
      for (const { have, ended } of await Promise.all(all)) t.strictSame({ have, ended }, { have: units(parts), ended: end })
    }), { seed, numRuns: 60 })
  })

  test(`${name}: however little room there is, its readers miss nothing`, async t => {
    await fc.assert(fc.asyncProperty(parts, end, fc.array(reader, { minLength: 1, maxLength: 3 }), fc.integer({ min: 1, max: 60 }), async (parts, end, readers, maxBytes) => {
      const recording = await begun(await make(t, { maxBytes }))
      const all = readers.map(async reader => await readAll(recording, { ...reader, cuts: [] }))
      await write(recording, parts, end)
      for (const { have, ended } of await Promise.all(all)) t.strictSame({ have, ended }, { have: units(parts), ended: end })
    }), { seed, numRuns: 60 })
  })

  test(`${name}: from every place of a tape, what is told is what lies behind it`, async t => {
    const store = await make(t, {})
    await fc.assert(fc.asyncProperty(parts, async parts => {
      const recording = await begun(store)
      await write(recording, parts, null)
      const all = units(parts)
      for (let at = 0; at <= all.length; at++) {
        const reading = await recording.read(positionOf(all.slice(0, at)), forever, 'bytes')
        const have: string[] = []
        await takeFrom(reading, 'data', part => {
          have.push(...units([part]))
          return false
        })
        t.strictSame([positionOf(all.slice(0, at)), have], [reading.offset, all.slice(at)])
      }
    }), { seed, numRuns: 20 })
  })
}
