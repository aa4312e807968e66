import { json } from '../helper.ts'
import { fault } from './harness.ts'

fault('The upstream has no stream (404)', {
  answer: 'The whole answer 🌍',
  upstream: () => ({ '/chat/stream': json(404, {}), '/chat': json(200, { output: 'The whole answer 🌍' }) }),
  expected: { text: '200 whole', events: '200 done', upstream: '/chat/stream + /chat, kept', log: 'complete' }
})
