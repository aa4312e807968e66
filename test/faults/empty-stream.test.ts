import { json, streams } from '../helper.ts'
import { fault } from './harness.ts'

fault('The upstream sends an empty stream', {
  answer: 'The whole answer 🌍',
  upstream: () => ({ '/chat/stream': streams(), '/chat': json(200, { output: 'The whole answer 🌍' }) }),
  expected: { text: '200 whole', events: '200 done', upstream: '/chat/stream + /chat, kept', log: 'complete' }
})
