import { randomBytes } from 'node:crypto'
import { test } from 'tap'
import { isErrorType } from '../../lib/errors.ts'
import { ask, json, pair } from '../helper.ts'
import { scrape } from '../scrape.ts'

const word = (): string => randomBytes(8).toString('hex')

test('nothing that comes from outside becomes a label', async t => {
  const { url, log } = await pair(t, {
    '/chat/stream': (reply, request) => json(500, { error: 'no', errorType: `outside_${word().replace(/\d/g, 'x')}` })(reply, request)
  }, { AUTH_MODE: 'api-key', API_KEYS: Array.from({ length: 8 }, (_, index) => `outside-${index}:key-${index}`).join(), METRICS_TOKEN: 'scrapes' })

  for (let index = 0; index < 8; index++) {
    const headers = { authorization: `Bearer key-${index}`, 'x-request-id': `outside-${word()}`, 'user-agent': `outside-${word()}` }
    await (await ask(url, { prompt: 'Hello', model: `outside-${word()}`, sessionId: `outside-${word()}` }, { headers })).text()
    for (const method of ['GET', 'PUT', 'OPTIONS']) {
      await (await fetch(`${url}/outside/${word()}?outside=${word()}`, { method, headers })).text()
      await (await fetch(`${url}/api/chat/outside-${word()}`, { method, headers })).text()
    }
    await log.ended(headers['x-request-id'])
  }

  const { text, samples } = await scrape(url, 'scrapes')
  t.notMatch(text, 'outside')
  const values = (name: string, label: string) => [...new Set(samples.filter(sample => sample.name === name).map(({ labels }) => labels[label] ?? ''))]
  t.strictSame(values('gateway_requests_total', 'route').toSorted(), ['/api/chat', '/api/chat/:streamId', 'unknown'])
  t.strictSame(values('gateway_requests_total', 'status').filter(status => !/^([2-5]\d\d|none)$/.test(status)), [])
  t.strictSame(values('gateway_upstream_errors_total', 'error_type').filter(errorType => !isErrorType(errorType)), ['other'])
  t.strictSame(values('gateway_refused_total', 'reason').filter(reason => !isErrorType(reason)), [])
})
