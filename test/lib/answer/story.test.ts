import { IncomingMessage, ServerResponse } from 'node:http'
import { Socket } from 'node:net'
import Fastify from 'fastify'
import { test } from 'tap'
import { Exchange } from '../../../lib/answer/exchange.ts'
import { Story } from '../../../lib/answer/story.ts'
import { GatewayError } from '../../../lib/errors.ts'

test('what one listener throws is reported, and the others are told', async t => {
  const reports: unknown[] = []
  const story = new Story(performance.now(), error => reports.push(error))
  const thrown = new Error('a listener')
  let told = 0
  story.onOver(() => { throw thrown })
  story.onOver(() => { told++ })
  t.equal(story.isOver, false)
  story.settle()
  t.strictSame(reports, [thrown])
  t.equal(told, 1)
})

test('whoever listens late is told at once, and an end counts once', async t => {
  const story = new Story(performance.now(), () => {})
  story.fail(new GatewayError('timeout'))
  story.settle()
  story.settle('complete')
  t.equal(story.ended, 'timeout')
  let told = 0
  story.onOver(() => { told++ })
  t.equal(told, 1)
  const { duration } = story
  t.equal(story.duration, duration, 'its time has stopped')
})

/** A reply to a request whose connection is not there yet. */
function exchange (): { exchange: Exchange, response: ServerResponse } {
  const response = new ServerResponse(new IncomingMessage(new Socket()))
  return { exchange: new Exchange(response, () => {}), response }
}

test('what fails or is cut behind an end is no part of it', async t => {
  const { exchange: told } = exchange()
  told.cut(new GatewayError('max_duration'))
  t.equal(told.ended, 'max_duration')
  told.cut(new GatewayError('idle_timeout'))
  t.equal(told.fail(new GatewayError('stopped')).errorType, 'stopped', 'it is still to be told')
  t.match(told.failure, { errorType: 'max_duration' })
  told.settle()
  told.settle()
  t.equal(told.ended, 'max_duration')
})

test('a reply that waits behind another is dropped without its connection', async t => {
  const { exchange: waiting, response } = exchange()
  waiting.disconnect(new GatewayError('draining'))
  t.equal(waiting.ended, 'drained')
  t.equal(response.destroyed, true)
})

test('a signal that is asked for behind the end is aborted', async t => {
  const { exchange: early } = exchange()
  const { signal } = early
  const failure = new GatewayError('timeout')
  early.abort(failure)
  t.equal(signal.reason, failure)
  const { exchange: late } = exchange()
  late.abort(failure)
  t.equal(late.signal.reason, failure)
  t.equal(late.signal, late.signal)
})

test('a reply is whole when it was written to its end, and has no connection that could have lost it', async t => {
  const { exchange: left } = exchange()
  left.settle()
  t.equal(left.ended, 'client_left')
  t.equal(left.signal.aborted, true)

  const { exchange: unwritten, response } = exchange()
  response.end('x')
  unwritten.settle()
  t.equal(unwritten.ended, 'client_left', 'its last byte was not taken')

  const app = Fastify()
  let injected: string | null = null
  app.get('/', (_request, { raw }) => {
    const exchange = new Exchange(raw, () => {})
    raw.end('x')
    exchange.settle()
    injected = exchange.ended
  })
  await app.inject('/')
  t.equal(injected, 'complete')
})
