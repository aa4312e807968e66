import { test } from 'tap'
import { isLoopback } from '../../lib/loopback.ts'

test('localhost, 127.0.0.0/8 and ::1 are loopback', async t => {
  for (const host of ['localhost', 'LOCALHOST', '127.0.0.1', '127.255.255.254', '::1', '0:0:0:0:0:0:0:1', '::ffff:127.0.0.1']) t.ok(isLoopback(host), host)
})

test('nothing else is', async t => {
  for (const host of ['', '0.0.0.0', '::', '10.0.0.1', '128.0.0.1', '126.255.255.255', 'fe80::1', '::2', '::ffff:10.0.0.1', 'localhost.example.com', 'example.com', '127.1', '0177.0.0.1']) t.notOk(isLoopback(host), host)
})
