import { test } from 'tap'
import { ask, pair, streams } from '../helper.ts'

test('answers, errors and health tell browsers to trust them no further than needed', async t => {
  const { url } = await pair(t, { '/chat/stream': streams('fine') })
  for (const response of [await ask(url), await ask(url, {}), await fetch(`${url}/nowhere`), await fetch(`${url}/health`)]) {
    t.match(Object.fromEntries(response.headers), {
      'content-security-policy': "default-src 'none';frame-ancestors 'none'",
      'x-content-type-options': 'nosniff',
      'x-frame-options': /./,
      'referrer-policy': 'no-referrer',
      'cross-origin-resource-policy': 'cross-origin'
    })
    for (const name of ['strict-transport-security', 'x-powered-by', 'server']) t.notOk(response.headers.has(name), name)
  }
})
