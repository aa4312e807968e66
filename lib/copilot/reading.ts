import type { Readable } from 'node:stream'
import { GatewayError } from '../errors.ts'
import { answerFormatOf } from './answer-format.ts'
import type { Guard, Reply } from './reply.ts'

/** How much of an error reply is read, in bytes. */
const MAX_ERROR_BYTES = 64 * 1024
/** How long a reply is read and discarded, in milliseconds. */
const DISCARD_MS = 1_000
/** How large a buffered reply may be, in bytes. */
const MAX_REPLY_BYTES = 16 * 1024 * 1024

/** Makes a {@link Guard} for replies of the given media types, by {@link answerFormatOf}. */
export function guard (types: readonly [string, ...string[]]): Guard {
  return (status, headers) => answerFormatOf(status, headers, types).guard
}

/** Returns the media type of a reply. Throws `bad_reply`, and discards the body, when it is none of `types` or cannot be read. */
export function refuseOthers (reply: Reply, types: readonly [string, ...string[]]): string {
  const { refusal, type } = answerFormatOf(reply.status, reply.headers, types)
  if (refusal === undefined) return type
  discard(reply.body)
  throw new GatewayError('bad_reply', { detail: refusal })
}

/** Reads a body to its end and discards it, so that its socket can be reused. A body that is too long or too slow is destroyed. */
export function discard (body: Readable): void {
  let size = 0
  const late = setTimeout(() => body.destroy(), DISCARD_MS).unref()
  body.once('close', () => clearTimeout(late))
  body.on('data', (chunk: Buffer) => {
    size += chunk.length
    if (size > MAX_ERROR_BYTES) body.destroy()
  }).resume()
}

/** How long a reply is read that is only useful when it is complete. */
export interface Wait {
  /** When reading is given up: a reading of `performance.now()`. */
  readonly deadline: number
  /** Aborts the reading, which rejects with its reason. */
  readonly signal: AbortSignal
}

/**
 * Reads the beginning of an error reply. Returns undefined when the body was cut or late; the status alone then says how the service
 * failed. Rejects with the reason of the signal.
 */
export async function beginningOf (reply: Reply, wait: Wait): Promise<string | undefined> {
  try {
    return (await read(reply, MAX_ERROR_BYTES, wait)).text
  } catch {
    wait.signal.throwIfAborted()
    return undefined
  }
}

/** Reads a body as UTF-8 up to `limit` bytes and destroys the rest. Rejects with the failure of the body, and with `timeout` when it is late. */
async function read ({ body }: Reply, limit: number, { deadline, signal }: Wait): Promise<{ text: string, whole: boolean }> {
  const late = setTimeout(() => body.destroy(new GatewayError('timeout')), Math.max(0, deadline - performance.now()))
  const chunks: Buffer[] = []
  let size = 0
  try {
    for await (const chunk of body) {
      chunks.push(chunk)
      size += chunk.length
      if (size > limit) break
    }
  } catch (error) {
    signal.throwIfAborted()
    throw error
  } finally {
    clearTimeout(late)
  }
  return { text: Buffer.concat(chunks).subarray(0, limit).toString(), whole: size <= limit }
}

/**
 * Reads the JSON object of a buffered reply. Rejects with the failure of the body, with the reason of the signal, and with a
 * {@link GatewayError}: `timeout` when the body is late, `bad_reply` when it is too large or not a JSON object.
 */
export async function readObject (reply: Reply, wait: Wait): Promise<Record<string, unknown>> {
  const { text, whole } = await read(reply, MAX_REPLY_BYTES, wait)
  if (!whole) throw new GatewayError('bad_reply', { detail: `larger than ${MAX_REPLY_BYTES} bytes` })
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    throw new GatewayError('bad_reply', { detail: 'not JSON' })
  }
  if (typeof value === 'object' && value !== null) return { ...value }
  throw new GatewayError('bad_reply', { detail: 'not a JSON object' })
}
