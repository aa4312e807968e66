import type { Readable } from 'node:stream'
import type { BodyAnswer } from '../answer/answer.ts'
import { fromTransport } from '../copilot/failures.ts'
import { GatewayError, type ReportedError } from '../errors.ts'
import { CharacterBoundary } from '../utf8.ts'
import type { Recording, RecordingStore } from './recording.ts'

/** An answer to be asked for and recorded. Durations in milliseconds. */
export interface LiveAnswerOptions {
  /** Who alone may read it. */
  readonly owner: string
  /** How long it may go on without a reader. */
  readonly grace: number
  /** How long it may take in all. */
  readonly maxDuration: number
  /** Asks the upstream; the signal's reason says why it is aborted. */
  readonly ask: (signal: AbortSignal) => Promise<BodyAnswer>
}

/** An answer that is written into a recording, whoever reads it. */
export interface LiveAnswer {
  readonly recording: Recording
  /** Ends it before its time; the recording ends with the reason. No effect once it is over. */
  abort (reason: GatewayError): void
  /** Resolves when it is over, with why it is not whole. Never rejects. */
  readonly over: Promise<GatewayError | ReportedError | undefined>
}

/**
 * Asks for an answer and records it as it comes. It goes on when its readers leave, for `grace` at most.
 * Rejects as {@link RecordingStore.create} does; what the upstream does wrong is what the recording ends with.
 */
export async function record (store: RecordingStore, { owner, grace, maxDuration, ask }: LiveAnswerOptions): Promise<LiveAnswer> {
  const upstream = new AbortController()
  const abort = (reason: GatewayError): void => upstream.abort(reason)
  let abandonment: NodeJS.Timeout | undefined
  const recording = await store.create(owner, {
    stop: () => abort(new GatewayError('stopped')),
    watched: readers => {
      clearTimeout(abandonment)
      if (readers === 0) abandonment = setTimeout(abort, grace, new GatewayError('abandoned'))
    }
  })
  const deadline = setTimeout(abort, maxDuration, new GatewayError('max_duration'))

  const write = async (): Promise<GatewayError | ReportedError | undefined> => {
    try {
      const { delivery, model, body } = await ask(upstream.signal)
      recording.begin({ delivery, ...(model !== undefined && { model }) })
      await copy(body, recording)
      recording.finish()
    } catch (error) {
      const failure = fromTransport(error)
      recording.finish(failure)
      return failure
    } finally {
      clearTimeout(deadline)
      clearTimeout(abandonment)
    }
  }
  return { recording, abort, over: write() }
}

/** Appends a body to a recording chunk by chunk, as they come. Rejects as the body fails, and as {@link Recording.append} throws. */
async function copy (body: Readable, recording: Recording): Promise<void> {
  const characters = new CharacterBoundary()
  await new Promise<void>((resolve, reject) => {
    body.on('error', reject).once('end', resolve)
    body.on('data', (chunk: Buffer) => {
      try {
        recording.append(characters.push(chunk))
      } catch (error) {
        body.destroy(fromTransport(error))
      }
    })
  })
  recording.append(characters.rest)
}
