import { createServer } from 'node:net'
import { once } from 'node:events'
import { test } from 'tap'
import { explainListen } from '../../../lib/settings/listeners.ts'

/** The error of listening there. */
async function failure (host: string, port: number): Promise<unknown> {
  const [error] = await once(createServer().listen(port, host), 'error').catch((error: unknown) => [error])
  return error
}

test('an address that is not this machine\'s leads to HOST', async t => {
  t.match(explainListen(await failure('192.0.2.1', 0), 'PORT'), { code: 'EADDRNOTAVAIL', message: /choose another one by HOST$/ })
})

test('any other failure is what it was', async t => {
  for (const error of [new Error('a bug'), Object.assign(new Error('no files'), { code: 'EMFILE' }), 'text']) {
    const before = String(error)
    t.equal(explainListen(error, 'PORT'), error)
    t.equal(String(error), before)
  }
  t.match(explainListen(Object.assign(new Error('listen EACCES'), { code: 'EACCES' }), 'PORT'), { message: /over 1023, by PORT$/ })
})
