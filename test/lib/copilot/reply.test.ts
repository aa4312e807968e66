import { test } from 'tap'
import { Attempt } from '../../../lib/copilot/reply.ts'
import { guardFor } from '../../../lib/copilot/text-guard.ts'

/** What undici gives a handler to steer its request with; it keeps what was asked of it. */
class Steering {
  readonly aborted = false
  readonly reason = null
  paused = false
  readonly aborts: Error[] = []
  abort (reason: Error): void { this.aborts.push(reason) }
  pause (): void { this.paused = true }
  resume (): void { this.paused = false }
}

const left = new DOMException('the client left', 'AbortError')

/** An attempt, and how it went: what its reply rejected with, or its status and what could be read of it. */
function attempt (charset?: string): { attempt: Attempt, steering: Steering, outcome: Promise<unknown> } {
  const attempt = new Attempt(() => charset === undefined ? undefined : guardFor(charset))
  const outcome = attempt.reply.then(async ({ status, empty, body }) => {
    let text = ''
    try {
      for await (const chunk of body) text += String(chunk)
      return { status, empty, text }
    } catch (error) {
      return { status, empty, text, error }
    }
  }, (error: unknown) => ({ error }))
  return { attempt, steering: new Steering(), outcome }
}

test('a request that is given up before it was written never is', async t => {
  const { attempt: given, steering, outcome } = attempt()
  given.abort(left)
  t.strictSame(await outcome, { error: left })
  given.onRequestStart(steering)
  t.strictSame(steering.aborts, [left])
  given.onResponseError(steering, left)
})

test('a request that is given up before its reply is aborted', async t => {
  const { attempt: given, steering, outcome } = attempt()
  given.onRequestStart(steering)
  t.strictSame(steering.aborts, [])
  given.abort('a reason that is no error')
  t.match(steering.aborts, [{ message: 'aborted', cause: 'a reason that is no error' }])
  t.strictSame(await outcome, { error: 'a reason that is no error' })
})

test('a reply that is given up before its first byte, and one in its middle', async t => {
  const early = attempt()
  early.attempt.onRequestStart(early.steering)
  early.attempt.onResponseStart(early.steering, 200, {})
  early.attempt.abort(left)
  t.strictSame(await early.outcome, { error: left })
  t.equal(early.steering.aborts[0], left)

  const late = attempt()
  late.attempt.onRequestStart(late.steering)
  late.attempt.onResponseStart(late.steering, 200, {})
  late.attempt.onResponseData(late.steering, Buffer.from('so far'))
  await late.attempt.reply
  late.attempt.abort(left)
  t.match(await late.outcome, { status: 200, empty: false, error: { errorType: 'connection' } })
  t.equal(late.steering.aborts[0], left)
})

test('an interim reply says nothing, and a reply ends with its end', async t => {
  const { attempt: given, steering, outcome } = attempt('utf-8')
  given.onRequestStart(steering)
  given.onResponseStart(steering, 103, {})
  given.onResponseStart(steering, 200, {})
  given.onResponseData(steering, Buffer.from('Grüße').subarray(0, 3))
  given.onResponseData(steering, Buffer.from('Grüße').subarray(3))
  given.onResponseEnd()
  t.strictSame(await outcome, { status: 200, empty: false, text: 'Grüße' })

  const empty = attempt()
  empty.attempt.onRequestStart(empty.steering)
  empty.attempt.onResponseStart(empty.steering, 204, {})
  empty.attempt.onResponseEnd()
  t.strictSame(await empty.outcome, { status: 204, empty: true, text: '' })
})

test('bytes that are no text are no first byte', async t => {
  for (const [more, text] of [['', ''], ['Hi', 'Hi']] as const) {
    const { attempt: given, steering, outcome } = attempt('iso-2022-jp')
    given.onRequestStart(steering)
    given.onResponseStart(steering, 200, {})
    let begun = false
    void given.reply.then(() => { begun = true })
    given.onResponseData(steering, Buffer.from('\x1b(B'))
    await new Promise(resolve => setImmediate(resolve))
    t.equal(begun, false)
    if (more) given.onResponseData(steering, Buffer.from(more))
    given.onResponseEnd()
    t.strictSame(await outcome, { status: 200, empty: text === '', text })
  }
})

test('a connection that fails before the reply, and within it', async t => {
  const reset = Object.assign(new Error('reset'), { code: 'ECONNRESET' })
  const unsent = attempt()
  unsent.attempt.onResponseError(unsent.steering, reset)
  t.match(await unsent.outcome, { error: { message: /^Could not connect/ } })

  const early = attempt()
  early.attempt.onRequestStart(early.steering)
  early.attempt.onResponseError(early.steering, reset)
  t.match(await early.outcome, { error: { message: /was lost$/ } })

  const late = attempt()
  late.attempt.onRequestStart(late.steering)
  late.attempt.onResponseStart(late.steering, 200, {})
  late.attempt.onResponseData(late.steering, Buffer.from('so far'))
  late.attempt.onResponseError(late.steering, reset)
  t.match(await late.outcome, { status: 200, text: 'so far', error: { message: /was lost$/ } })
})

test('bytes that are no text fail the reply, whatever comes behind them', async t => {
  const bad = attempt('utf-8')
  bad.attempt.onRequestStart(bad.steering)
  bad.attempt.onResponseStart(bad.steering, 200, {})
  bad.attempt.onResponseData(bad.steering, Buffer.from([0xff]))
  bad.attempt.onResponseData(bad.steering, Buffer.from('more'))
  bad.attempt.onResponseData(bad.steering, Buffer.from('and more'))
  bad.attempt.onResponseEnd()
  t.match(await bad.outcome, { error: { errorType: 'bad_reply' } })

  const within = attempt('utf-8')
  within.attempt.onRequestStart(within.steering)
  within.attempt.onResponseStart(within.steering, 200, {})
  within.attempt.onResponseData(within.steering, Buffer.from('Gr\u00fc').subarray(0, 3))
  within.attempt.onResponseEnd()
  t.match(await within.outcome, { error: { message: /ends within a character/ } })
})

test('a reader that takes nothing holds the socket back', async t => {
  const { attempt: given, steering } = attempt()
  given.onRequestStart(steering)
  given.onResponseStart(steering, 200, {})
  given.onResponseData(steering, Buffer.alloc(70_000, 'x'))
  t.equal(steering.paused, true)
  const { body } = await given.reply
  body.destroy()
  await new Promise(resolve => body.once('close', resolve))
  t.match(steering.aborts, [{ name: 'AbortError' }])
})
