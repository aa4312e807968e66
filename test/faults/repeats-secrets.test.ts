import { json } from '../helper.ts'
import { fault } from './harness.ts'

fault('The upstream repeats what it was sent in its error', {
  upstream: () => ({
    '/chat/stream': (reply, request) => {
      const { authorization = '' } = request.headers
      const error = `no good: ${authorization.replace('Bearer ', '')} of ${JSON.stringify(request.headers)}`
      json(500, { error, errorType: 'sdk' }, { 'x-debug': authorization, 'set-cookie': `token=${authorization}` })(reply, request)
    }
  }),
  expected: { text: '500 sdk', events: '500 sdk', upstream: '/chat/stream, kept', log: 'upstream_failed sdk' }
})
