import { streams } from '../helper.ts'
import { fault } from './harness.ts'

fault('The client pipelines two requests', {
  requests: 2,
  answer: 'The whole answer 🌍',
  upstream: () => ({ '/chat/stream': streams('The whole ', 'answer 🌍') }),
  expected: { text: '200 whole', events: '200 done', upstream: '/chat/stream + /chat/stream, kept', log: 'complete' }
})
