import { test } from 'tap'
import { ask, build, streams, upstream } from '../helper.ts'

test('the service that COPILOT_SERVICE_URL names is asked, with its token, below its path', async t => {
  const service = await upstream(t, { '/copilot/v1/chat/stream': streams('fine') })
  const { app, url } = await build(t, { COPILOT_SERVICE_URL: `${service.url}/copilot/v1/`, COPILOT_SERVICE_TOKEN: 'service-token-1' })
  t.strictSame(app.copilotService, { url: `${service.url}/copilot/v1/`, token: 'service-token-1' })
  t.equal(await (await ask(url)).text(), 'fine')
  t.equal((await service.request()).headers.authorization, 'Bearer service-token-1')
})

test('without a token none is sent', async t => {
  const service = await upstream(t, { '/chat/stream': streams('fine') })
  const { url } = await build(t, { COPILOT_SERVICE_URL: service.url })
  await ask(url, undefined, { headers: { authorization: 'Bearer of-the-client' } })
  t.notOk('authorization' in (await service.request()).headers)
})
