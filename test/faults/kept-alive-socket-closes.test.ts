import { ask, streams } from '../helper.ts'
import { fault } from './harness.ts'
import { headers } from './secrets.ts'

fault('The upstream closes a kept-alive socket under a new request', {
  before: async ({ url, service }) => {
    await (await ask(url, undefined, { headers })).text()
    const kept = (await service.request()).raw.socket
    // It may have been processed: it is not sent again.
    service.scripts['/chat/stream'] = ({ socket }) => { if (socket === kept) socket.end() }
  },
  upstream: () => ({ '/chat/stream': streams('warm') }),
  expected: { text: '503 connection', events: '503 connection', upstream: '/chat/stream + /chat/stream, closed', log: 'upstream_failed connection' }
})
