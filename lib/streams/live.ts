import { finished, type Readable } from 'node:stream'
import type { Answer, Part } from '../answer/answer.ts'
import { GatewayError, mapError, type ReportedError } from '../errors.ts'
import { CharacterBoundary } from '../utf8.ts'
import type { Claim, IdempotencyKey, LiveRecording, Names, Recording, RecordingStore, Writer } from './recording.ts'

/** An answer to be asked for and recorded. Durations in milliseconds. */
export interface LiveAnswerOptions {
  /** Who alone may read it. */
  readonly owner: string
  /** What it may be found by. */
  readonly names?: Names
  /** How long it may go on without a reader. */
  readonly grace: number
  /** How long it may take in all. */
  readonly maxDuration: number
  /** Asks the upstream; the signal's reason says why it is aborted. */
  readonly ask: (signal: AbortSignal) => Promise<Answer>
  /** Is told when there is no room for the recording any more, so that nobody can come back for it. */
  readonly onDropped?: () => void
}

/** An answer that is written into a recording, whoever reads it. */
export interface LiveAnswer {
  readonly recording: Recording
  /** Ends it before its time; the recording ends with the reason. No effect once it is over. */
  abort (reason: GatewayError): void
  /** Resolves when it is over, with why it is not whole. Never rejects. */
  readonly over: Promise<GatewayError | ReportedError | undefined>
}

/** What became of a question with a key: an answer that is asked for now, or what {@link Claim} has besides. */
export type ClaimedAnswer = { readonly outcome: 'created', readonly answer: LiveAnswer } | Exclude<Claim, { outcome: 'created' }>

/**
 * Asks for an answer and records it as it comes. It goes on when its readers leave, for `grace` at most; not at all when it is
 * kept no longer, since nobody could come back. Rejects as {@link RecordingStore.create} does; what the upstream does wrong is
 * what the recording ends with.
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

/** Whoever writes an answer, and the way to have it written into its recording. */
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
      const { delivery, model, service } = answer
      await recording.begin({ delivery, ...(model !== undefined && { model }), ...(service !== undefined && { service }) })
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

/** Appends an answer to a recording as it comes, in whole characters. Rejects as its stream fails, and as {@link LiveRecording.append} does. */
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

/** Writes what a stream gives, one after the other, and holds it back while a write is slow. An iterator would join chunks that wait. */
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
    // What came before a failure is written, too.
    finished(stream, error => writes.then(() => error ? reject(error) : resolve(), reject))
  })
}
