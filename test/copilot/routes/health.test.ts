import { test } from 'tap'
import { service } from '../helper.ts'

test('health tells which engine answers', async t => {
  const demo = await service(t)
  t.same(await (await fetch(`${demo.url}/health`)).json(), {
    ok: true, service: 'copilot', engine: 'demo', message: 'Scripted demo answers, not GitHub Copilot.'
  })
  const missing = await service(t, { env: { COPILOT_ENGINE: 'sdk' } })
  t.same(await (await fetch(`${missing.url}/health`)).json(), { ok: true, service: 'copilot', engine: 'sdk', credentials: 'missing', runtime: 'stopped', sessions: 0 })
  const token = await service(t, { env: { GH_TOKEN: 'secret-token' } })
  t.match(await (await fetch(`${token.url}/health`)).json(), { engine: 'sdk', credentials: 'token' })
})
