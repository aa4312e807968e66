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
  return value === undefined ? undefined : { value, question: createHash('sha256').update(canonical(question)).digest('hex') }
}

/** A JSON value as text that does not depend on the order of its fields. Not recursive: a body may be nested deeper than the stack is. */
function canonical (value: unknown): string {
  const text: string[] = []
  const left: unknown[] = [value]
  while (left.length > 0) {
    const next = left.pop()
    if (Array.isArray(next)) {
      text.push(`[${next.length}`)
      for (const item of next) left.push(item)
    } else if (typeof next === 'object' && next !== null) {
      const fields = Object.entries(next).filter(([, field]) => field !== undefined).sort(([a], [b]) => a < b ? -1 : 1)
      text.push(`{${fields.length}`)
      for (const [name, field] of fields) left.push(field, name)
    } else {
      text.push(JSON.stringify(next) ?? '')
    }
  }
  return text.join(',')
}
