import { test } from 'tap'
import { isLoopback, isLoopbackHost } from '../../lib/loopback.ts'

test('localhost, 127.0.0.0/8 and ::1 are loopback', async t => {
  for (const host of ['localhost', 'LOCALHOST', '127.0.0.1', '127.255.255.254', '::1', '0:0:0:0:0:0:0:1', '::ffff:127.0.0.1']) t.ok(isLoopback(host), host)
})

test('nothing else is', async t => {
  for (const host of ['', '0.0.0.0', '::', '10.0.0.1', '128.0.0.1', '126.255.255.255', 'fe80::1', '::2', '::ffff:10.0.0.1', 'localhost.example.com', 'example.com', '127.1', '0177.0.0.1']) t.notOk(isLoopback(host), host)
})

test('a Host of this machine: any port, any case, the final dot of DNS', async t => {
  for (const host of ['localhost', 'LocalHost', 'localhost.', 'app.localhost', 'a.b.localhost', '127.0.0.1', '127.8.9.10', '[::1]', '[0:0:0:0:0:0:0:1]', '[::ffff:7f00:1]']) {
    for (const port of ['', ':3000', ':']) t.ok(isLoopbackHost(host + port), host + port)
  }
})

test('a Host that may be another machine, or is none', async t => {
  for (const host of [
    '', ':3000', 'example.com', 'localhost.example.com', 'evil-localhost', 'xlocalhost', '127.0.0.1.example.com', '127.1', '2130706433', '0.0.0.0', '10.0.0.1',
    '::1', '[::2]', '[::1', '[::1%lo]', '[127.0.0.1]', '[localhost]', 'localhost..', 'me@localhost', 'example.com@localhost', 'example.com/localhost', 'example.com\\.localhost', 'a b.localhost',
    'localhost:3000:x', 'localhost:x', 'localhost, example.com', 'http://localhost', ' localhost', 'ｌocalhost', `${'a.'.repeat(8_000)}x`
  ]) t.notOk(isLoopbackHost(host), host.slice(0, 40))
})
