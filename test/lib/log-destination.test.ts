import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { test } from 'tap'
import { connects, freePort } from '../ports.ts'
import { ask, streams, upstream } from '../helper.ts'

const root = fileURLToPath(new URL('../../', import.meta.url))

test('a log that cannot be written costs no answer, and holds up no stop', async t => {
  const service = await upstream(t, { '/chat/stream': streams('fine') })
  const port = await freePort()
  // Whatever is written there, there is no space left for it.
  const full = openSync('/dev/full', 'w')
  const gateway = spawn(process.execPath, [...process.execArgv, 'server.ts'], {
    cwd: root,
    env: { ...process.env, COPILOT_SERVICE_URL: service.url, PORT: String(port), METRICS_PORT: '', HOST: '', AUTH_MODE: '', LOG_LEVEL: 'debug' },
    stdio: ['ignore', full, 'inherit']
  })
  closeSync(full)
  t.teardown(() => { gateway.kill('SIGKILL') })
  while (!await connects(port)) await sleep(20)
  for (let index = 0; index < 3; index++) t.equal(await (await ask(`http://127.0.0.1:${port}`)).text(), 'fine')
  gateway.kill('SIGTERM')
  t.strictSame(await once(gateway, 'exit'), [0, null])
})
