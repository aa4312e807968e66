import { test } from 'tap'
import { post, service } from './helper.ts'

test('with a service token only its bearers get in', async t => {
  const { url } = await service(t, { env: { COPILOT_SERVICE_TOKEN: 'right-token' } })
  const stranger = async (authorization?: string, path = '/chat') => {
    const response = await post(url + path, { prompt: 'Hi' }, { headers: authorization === undefined ? {} : { authorization } })
    t.equal(response.status, 401, authorization ?? 'no header')
    t.equal(response.headers.get('www-authenticate'), 'Bearer')
    t.same(await response.json(), { error: 'Authentication required', errorType: 'unauthenticated' })
  }
  await stranger()
  await stranger('Bearer wrong-token')
  await stranger('Bearer right-token2')
  await stranger('Bearer')
  await stranger('Basic right-token')
  await stranger(undefined, '/chat/stream')
  await stranger(undefined, '/no/such/route')

  t.equal((await fetch(`${url}/models`)).status, 401)
  t.equal((await fetch(`${url}/models`, { headers: { authorization: 'Bearer right-token' } })).status, 200)
  t.equal((await fetch(`${url}/health`)).status, 200, 'health stays open')
})
