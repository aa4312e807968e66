import { test } from 'tap'
import { requestId } from '../../lib/request-id.ts'

const UUID = /^[\da-f]{8}-[\da-f]{4}-4[\da-f]{3}-[89ab][\da-f]{3}-[\da-f]{12}$/

test('a sane X-Request-Id is kept', async t => {
  for (const id of ['a', 'A-b_c.9', 'x'.repeat(128), '...']) t.equal(requestId({ headers: { 'x-request-id': id } }), id)
})

test('anything else gets a new UUID', async t => {
  for (const id of ['', 'x'.repeat(129), 'a b', 'a\nb', 'a\n', 'ä', 'a/b', 'a,b', '<script>', undefined, ['a', 'b']]) t.match(requestId({ headers: { 'x-request-id': id } }), UUID, String(id))
  t.not(requestId({ headers: {} }), requestId({ headers: {} }))
})
