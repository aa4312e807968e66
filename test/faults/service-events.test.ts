import type { Script } from '../helper.ts'
import { fault } from './harness.ts'

const frame = (event: string, data: object) => `event: ${event}\ndata: ${JSON.stringify(data)}\n\n`
const hello = frame('delta', { text: 'Hello ' }) + frame('delta', { text: 'world' })
const thought = frame('reasoning', { text: 'Let me think' })
const answer = 'Hello world'

/** Says it in one piece, and ends its reply or leaves it open. */
const says = (text: string, ends = true): Script => reply => {
  reply.writeHead(200, { 'content-type': 'text/event-stream' }).write(text)
  if (ends) reply.end()
}

fault('A service of events ends by length', {
  answer,
  upstream: () => ({ '/chat/stream': says(hello + frame('done', { finishReason: 'length' })) }),
  expected: { text: '200 cut', events: '200 done length', upstream: '/chat/stream, kept', log: 'length' }
})

fault('A service of events filters its answer', {
  answer,
  upstream: () => ({ '/chat/stream': says(hello + frame('done', { reason: 'filtered' })) }),
  expected: { text: '200 cut', events: '200 done filtered', upstream: '/chat/stream, kept', log: 'filtered' }
})

fault('A service of events ends without `done`', {
  answer,
  upstream: () => ({ '/chat/stream': says(hello) }),
  expected: { text: '200 cut', events: '200 error connection', upstream: '/chat/stream, kept', log: 'upstream_failed connection' }
})

fault('A service of events tells another number of bytes', {
  answer,
  upstream: () => ({ '/chat/stream': says(hello + frame('done', { bytes: 12 }), false) }),
  expected: { text: '200 cut', events: '200 error bad_reply', upstream: '/chat/stream, closed', log: 'upstream_failed bad_reply' }
})

fault('A service of events tells another digest', {
  answer,
  upstream: () => ({ '/chat/stream': says(hello + frame('done', { sha256: '0'.repeat(64) }), false) }),
  expected: { text: '200 cut', events: '200 error bad_reply', upstream: '/chat/stream, closed', log: 'upstream_failed bad_reply' }
})

fault('A service of events goes on behind its `done`', {
  answer,
  upstream: () => ({ '/chat/stream': says(hello + frame('done', {}) + hello, false) }),
  expected: { text: '200 cut', events: '200 error bad_reply', upstream: '/chat/stream, closed', log: 'upstream_failed bad_reply' }
})

fault('A service of events falls silent behind its `done`', {
  answer,
  environment: { COPILOT_IDLE_TIMEOUT_MS: '500' },
  upstream: () => ({ '/chat/stream': says(hello + frame('done', { bytes: 11 }), false) }),
  expected: { text: '200 whole', events: '200 done', upstream: '/chat/stream, closed', log: 'complete' }
})

fault('A service of events shows that it lives behind its `done`', {
  answer,
  upstream: () => ({
    '/chat/stream': reply => {
      reply.writeHead(200, { 'content-type': 'text/event-stream' }).write(hello + frame('done', { bytes: 11 }))
      const living = setInterval(() => reply.write(': alive\n'), 20)
      reply.once('close', () => clearInterval(living))
    }
  }),
  expected: { text: '200 whole', events: '200 done', upstream: '/chat/stream, closed', log: 'complete' }
})

fault('A service of events reports an error in the middle', {
  answer,
  upstream: () => ({ '/chat/stream': says(hello + frame('error', { errorType: 'sdk', status: 500, message: 'it broke' })) }),
  expected: { text: '200 cut', events: '200 error sdk', upstream: '/chat/stream, kept', log: 'upstream_failed sdk' }
})

fault('A service of events reports an error behind its thoughts', {
  upstream: () => ({ '/chat/stream': says(thought + frame('error', { errorType: 'rate_limited', status: 429, message: 'slow down' })) }),
  expected: { text: '429 rate_limited', events: '200 error rate_limited', upstream: '/chat/stream, kept', log: 'upstream_failed rate_limited' }
})

fault('A service of events reports an error, and does not end', {
  answer,
  upstream: () => ({ '/chat/stream': says(hello + frame('error', { errorType: 'sdk', status: 500, message: 'it broke' }), false) }),
  expected: { text: '200 cut', events: '200 error sdk', upstream: '/chat/stream, closed', log: 'upstream_failed sdk' }
})

fault('A service of events says nothing but its end', {
  upstream: () => ({ '/chat/stream': says(frame('done', { finishReason: 'stop' })) }),
  expected: { text: '502 stream_empty', events: '502 stream_empty', upstream: '/chat/stream, kept', log: 'upstream_failed stream_empty' }
})

fault('A service of events thinks and says nothing', {
  upstream: () => ({ '/chat/stream': says(thought + frame('done', { finishReason: 'stop' })) }),
  expected: { text: '502 stream_empty', events: '200 error stream_empty', upstream: '/chat/stream, kept', log: 'upstream_failed stream_empty' }
})

fault('A service of events shows that it lives, and nothing else', {
  environment: { COPILOT_FIRST_BYTE_TIMEOUT_MS: '1500' },
  upstream: () => ({
    '/chat/stream': reply => {
      reply.writeHead(200, { 'content-type': 'text/event-stream' })
      const living = setInterval(() => reply.write(': alive\n'), 20)
      reply.once('close', () => clearInterval(living))
    }
  }),
  expected: { text: '504 timeout', events: '504 timeout', upstream: '/chat/stream, closed', log: 'timeout timeout' }
})
