import { streams } from '../helper.ts'
import { fault } from './harness.ts'

const answer = '12345678 '.repeat(560_000)

fault('The upstream sends one chunk of 5 MB', {
  answer,
  upstream: () => ({ '/chat/stream': streams(answer) }),
  expected: {
    text: '200 whole',
    events: '200 done',
    upstream: '/chat/stream, kept',
    log: 'complete',
    // A resumable answer may have 4 MiB.
    resumable: { text: '200 cut', events: '200 error answer_too_large', upstream: '/chat/stream, closed', log: 'upstream_failed answer_too_large' }
  }
})
