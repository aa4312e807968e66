import { createHash } from 'node:crypto'
import Type from 'typebox'
import { GatewayError } from '../errors.ts'
import type { IdempotencyKey } from './recording.ts'

/** The header `Idempotency-Key` as the documentation describes it. {@link idempotencyKey} validates its value. */
export const IdempotencyHeaders = Type.Object({
  'idempotency-key': Type.Optional(Type.String({
    description: 'Names the question, in 1–200 visible ASCII characters: whoever asks it again with the same key gets the same answer, and the service is asked once.'
  }))
})

/** Visible ASCII characters (RFC 5234, VCHAR). */
const KEY = /^[!-~]{1,200}$/

/** The value of the header `Idempotency-Key`; undefined without the header. Throws a {@link GatewayError} `invalid_request` for an invalid key. */
export function keyValue (header: string | readonly string[] | undefined): string | undefined {
  if (header === undefined || (typeof header === 'string' && KEY.test(header))) return header
  throw new GatewayError('invalid_request', { issues: [{ path: 'headers.idempotency-key', message: 'must be 1 to 200 visible ASCII characters' }] })
}

/** The key of a question that must be asked only once, from the same header. `question` is a JSON value with everything that distinguishes this question from another. */
export function idempotencyKey (header: string | readonly string[] | undefined, question: unknown): IdempotencyKey | undefined {
  const value = keyValue(header)
  return value === undefined ? undefined : { value, question: createHash('sha256').update(JSON.stringify(question)).digest('hex') }
}
