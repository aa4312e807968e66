import { finished, type Readable } from 'node:stream'
import type { Answer, Part } from '../answer/answer.ts'
import { GatewayError, mapError, type ReportedError } from '../errors.ts'
import { CharacterBoundary } from '../utf8.ts'
import type { Claim, IdempotencyKey, LiveRecording, Names, Recording, RecordingStore, Writer } from './recording.ts'

/** An answer to be asked for and recorded. Durations in milliseconds. */
export interface LiveAnswerOptions {
  /** The only caller that may read it. */
  readonly owner: string
  /** Names by which the owner finds it, besides its id. */
  readonly names?: Names
  /** How long the upstream goes on while nobody reads. */
  readonly grace: number
  /** How long it may take in all. */
  readonly maxDuration: number
  /** Asks the upstream. The reason of the signal is the error that the answer ends with. */
  readonly ask: (signal: AbortSignal) => Promise<Answer>
  /** Called when the recording was dropped for want of room, so that readers cannot resume it. */
  readonly onDropped?: () => void
}

/** An answer that is written into a recording, independently of its readers. */
export interface LiveAnswer {
  readonly recording: Recording
  /** Aborts the answer; its recording ends with the reason. No effect once the answer is over. */
  abort (reason: GatewayError): void
  /** Resolves when the answer is over: with the failure, or with undefined when the answer is whole. Never rejects. */
  readonly over: Promise<GatewayError | ReportedError | undefined>
}

/** The outcome for a question with a key: a new answer, or one of the other outcomes of {@link Claim}. */
export type ClaimedAnswer = { readonly outcome: 'created', readonly answer: LiveAnswer } | Exclude<Claim, { outcome: 'created' }>

/**
 * Asks for an answer and records it as it comes. When the last reader leaves, the answer goes on for `grace`, so that a reader can
 * resume; a dropped recording cannot be resumed, and its answer is aborted at once. Rejects as {@link RecordingStore.create} does.
 * A failure of the upstream does not reject: the recording ends with it.
 */
export async function record (store: RecordingStore, options: LiveAnswerOptions): Promise<LiveAnswer> {
  const { writer, into } = writing(options)
  return into(await store.create(options.owner, writer, options.names))
}

/** The same for a question with a key, which is asked once: see {@link RecordingStore.claim}. */
export async function recordOnce (store: RecordingStore, key: IdempotencyKey, options: LiveAnswerOptions): Promise<ClaimedAnswer> {
  const { writer, into } = writing(options)
  const claim = await store.claim(options.owner, writer, key, options.names)
  return claim.outcome === 'created' ? { outcome: 'created', answer: into(claim.recording) } : claim
}

/** The writer that a recording is created with, and the function that starts writing into the recording. */
function writing ({ grace, maxDuration, ask, onDropped }: LiveAnswerOptions): { writer: Writer, into: (recording: LiveRecording) => LiveAnswer } {
  const upstream = new AbortController()
  const abort = (reason: GatewayError): void => upstream.abort(reason)
  let abandonment: NodeJS.Timeout | undefined
  let readers = 0
  let kept = true
  const watch = (): void => {
    clearTimeout(abandonment)
    if (readers > 0) return
    if (kept) abandonment = setTimeout(abort, grace, new GatewayError('abandoned'))
    else abort(new GatewayError('abandoned'))
  }
  const writer: Writer = {
    stop: () => abort(new GatewayError('stopped')),
    lost: abort,
    watched: now => {
      readers = now
      watch()
    },
    dropped: () => {
      kept = false
      onDropped?.()
      watch()
    }
  }
  const write = async (recording: LiveRecording): Promise<GatewayError | ReportedError | undefined> => {
    const deadline = setTimeout(abort, maxDuration, new GatewayError('max_duration'))
    try {
      const answer = await ask(upstream.signal)
      const { delivery, model, service, honoured } = answer
      await recording.begin({ delivery, ...(model !== undefined && { model }), ...(service !== undefined && { service }), ...(honoured && { honoured }) })
      await copy(answer, recording, upstream.signal)
      await recording.finish(answer.ending())
    } catch (error) {
      const failure = mapError(error)
      await recording.fail(failure)
      return failure
    } finally {
      clearTimeout(deadline)
      clearTimeout(abandonment)
    }
  }
  return { writer, into: recording => ({ recording, abort, over: write(recording) }) }
}

/** Appends an answer to a recording as it comes, in whole characters. Rejects with the failure of the answer's stream, and as {@link LiveRecording.append} does. */
async function copy (answer: Answer, recording: LiveRecording, signal: AbortSignal): Promise<void> {
  const text = new CharacterBoundary()
  const reasoning = new CharacterBoundary()
  if (answer.body) {
    await each(answer.body, (chunk: Buffer) => recording.append({ type: 'text', bytes: text.push(chunk) }, signal))
  } else {
    await each(answer.parts, (part: Part) => {
      const whole = part.type === 'tool' ? part : { type: part.type, bytes: (part.type === 'text' ? text : reasoning).push(part.bytes) }
      return recording.append(whole, signal)
    })
  }
  await recording.append({ type: 'reasoning', bytes: reasoning.rest }, signal)
  await recording.append({ type: 'text', bytes: text.rest }, signal)
}

/** Writes the chunks of a stream one at a time, and pauses the stream while a write is pending. An async iterator would merge chunks that wait. */
async function each<Chunk> (stream: Readable, write: (chunk: Chunk) => Promise<void>): Promise<void> {
  let writes = Promise.resolve()
  let pending = 0
  await new Promise<void>((resolve, reject) => {
    stream.on('data', (chunk: Chunk) => {
      if (++pending > 1) stream.pause()
      writes = writes.then(() => write(chunk)).then(() => { if (--pending === 0) stream.resume() })
      writes.catch(error => {
        stream.destroy()
        reject(error)
      })
    })
    // Chunks that arrived before a failure are written before it is reported.
    finished(stream, error => writes.then(() => error ? reject(error) : resolve(), reject))
  })
}
