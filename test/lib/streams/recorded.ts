import { setImmediate } from 'node:timers/promises'
import type { Part } from '../../../lib/answer/answer.ts'
import type { LiveRecording, Reading, RecordingStore, Writer } from '../../../lib/streams/recording.ts'

/** A signal that nothing aborts. */
export const forever = new AbortController().signal

/** A writer that does nothing about what it is told. */
export const idle: Writer = { stop: () => {}, watched: () => {}, dropped: () => {}, lost: () => {} }

/** A part of text. */
export const text = (text: string | Buffer): Part => ({ type: 'text', bytes: Buffer.from(text) })

/** A part of what a model thought. */
export const reasoning = (text: string | Buffer): Part => ({ type: 'reasoning', bytes: Buffer.from(text) })

/** A use of a tool. */
export const tool = (id: string, state: 'running' | 'done' | 'failed' = 'done'): Part => ({ type: 'tool', id, name: 'read', state, input: { path: id } })

/** A recording that has begun. */
export async function begun (store: RecordingStore, writer: Writer = idle, owner = 'me'): Promise<LiveRecording> {
  const recording = await store.create(owner, writer)
  await recording.begin({ delivery: 'stream', model: 'm', service: 'http://copilot' })
  return recording
}

/** Records the parts given, one after the other. */
export async function append (recording: LiveRecording, ...parts: Part[]): Promise<void> {
  for (const part of parts) await recording.append(part, forever)
}

/** What is left of a reading, text and thoughts merged, for people to read. Rejects as it fails. */
export async function told (reading: Reading): Promise<string> {
  return merged(await partsOf(reading))
}

/** What is left of a reading. Rejects as it fails. */
export async function partsOf ({ parts }: Reading): Promise<Part[]> {
  const all: Part[] = []
  for await (const part of parts) all.push(part)
  return all
}

/** Parts in a form that is the same however they are split: text as it is, thoughts in brackets, tools by their JSON. */
export function merged (parts: readonly Part[]): string {
  const runs: Array<{ type: Part['type'], bytes: Buffer }> = []
  for (const part of parts) {
    const bytes = part.type === 'tool' ? Buffer.from(JSON.stringify(part)) : part.bytes
    const last = runs.at(-1)
    if (part.type !== 'tool' && last?.type === part.type) last.bytes = Buffer.concat([last.bytes, bytes])
    else if (bytes.length > 0) runs.push({ type: part.type, bytes })
  }
  return runs.map(({ type, bytes }) => type === 'text' ? bytes.toString('latin1') : `[${type} ${bytes.toString('latin1')}]`).join('')
}

/** Waits until something is so; the test's own timeout is the limit. */
export async function until (so: () => Promise<boolean> | boolean): Promise<void> {
  while (!await so()) await setImmediate()
}
