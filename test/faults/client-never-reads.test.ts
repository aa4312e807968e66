import { setImmediate } from 'node:timers/promises'
import { json, streams } from '../helper.ts'
import { fault } from './harness.ts'

const answer = '12345678 '.repeat(250_000)

fault('The client never reads', {
  environment: { CLIENT_STALL_TIMEOUT_MS: '300' },
  overUnixSocket: true,
  answer,
  upstream: () => ({ '/chat/stream': streams(answer) }),
  client: async ({ client, log }) => {
    await log.ended()
    // What the kernel had taken for it is there, and then the end of it.
    client.read()
  },
  expected: {
    text: '200 cut',
    events: '200 cut',
    upstream: '/chat/stream, closed',
    log: 'client_stalled client_stalled',
    // A recording does not wait for its readers.
    resumable: { upstream: '/chat/stream, kept', recording: 'complete' }
  }
})

fault('The client never reads an answer that is over, until STREAM_MAX_MS', {
  environment: { STREAM_MAX_MS: '3000' },
  overUnixSocket: true,
  answer,
  upstream: () => ({ '/chat': json(200, { output: answer }) }),
  client: async ({ client, log }) => {
    await log.ended()
    client.read()
  },
  expected: {
    text: '200 cut',
    events: '200 cut',
    upstream: '/chat/stream + /chat, closed',
    log: 'max_duration max_duration',
    resumable: { recording: 'complete' }
  }
})

fault('SIGTERM, and the client never reads an answer that is over', {
  overUnixSocket: true,
  answer,
  upstream: () => ({ '/chat': json(200, { output: answer }) }),
  client: async ({ app, client, log, service }) => {
    await service.request(1)
    while (app.copilot.sockets.running > 0) await setImmediate()
    await app.close().catch(() => {})
    await log.ended()
    client.read()
  },
  expected: {
    text: '200 cut',
    events: '200 cut',
    upstream: '/chat/stream + /chat, closed',
    log: 'drained draining',
    resumable: { recording: 'complete' }
  }
})
