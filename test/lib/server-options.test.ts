import Fastify from 'fastify'
import { test } from 'tap'
import { serverOptions } from '../../lib/server-options.ts'
import { raw } from '../raw.ts'

test('a server that has these options and no gateway yet refuses what it cannot read, and lives', async t => {
  const app = Fastify({ ...serverOptions({}), logger: false })
  t.teardown(() => app.close())
  app.get('/', async () => 'fine')
  const url = await app.listen({ host: '127.0.0.1', port: 0 })
  const port = Number(new URL(url).port)
  t.match(await raw(port, 'GET /%E0%A4%A HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n'), /^HTTP\/1\.1 400 /)
  t.equal(await raw(port, 'this is no HTTP\r\n\r\n'), '')
  t.equal(await (await fetch(url)).text(), 'fine')
})
