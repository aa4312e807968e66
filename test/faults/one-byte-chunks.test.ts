import { streams } from '../helper.ts'
import { fault } from './harness.ts'

const answer = 'a\r\nb\rc\n\n: é €\u2028🌍'.repeat(5)

fault('The upstream sends chunks of one byte', {
  answer,
  upstream: () => ({ '/chat/stream': streams(...[...Buffer.from(answer)].map(byte => Buffer.from([byte]))) }),
  expected: { text: '200 whole', events: '200 done', upstream: '/chat/stream, kept', log: 'complete' }
})
