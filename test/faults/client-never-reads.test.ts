import { streams } from '../helper.ts'
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
