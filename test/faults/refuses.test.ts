import { once } from 'node:events'
import { fault } from './harness.ts'

fault('The upstream refuses connections', {
  upstream: () => ({}),
  before: async ({ service }) => {
    service.server.close()
    await once(service.server, 'close')
  },
  expected: { text: '503 connection', events: '503 connection', upstream: 'nothing', log: 'upstream_failed connection' }
})
