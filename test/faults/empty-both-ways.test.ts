import { json, streams } from '../helper.ts'
import { fault } from './harness.ts'

fault('The upstream sends an empty answer both ways', {
  upstream: () => ({ '/chat/stream': streams(), '/chat': json(200, { output: '' }) }),
  expected: { text: '502 stream_empty', events: '502 stream_empty', upstream: '/chat/stream + /chat, kept', log: 'upstream_failed stream_empty' }
})
