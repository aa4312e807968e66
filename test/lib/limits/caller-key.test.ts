import { test } from 'tap'
import { addressKey, callerKey } from '../../../lib/limits/caller-key.ts'

test('a caller who is known is counted by name, wherever it calls from', async t => {
  t.equal(callerKey({ kind: 'api-key', id: 'web' }, '192.0.2.1'), 'api-key:web')
  t.equal(callerKey({ kind: 'jwt', id: 'web' }, '192.0.2.1'), 'jwt:web')
})

test('a caller of whom nothing is known is counted by address', async t => {
  t.equal(callerKey({ kind: 'none', id: 'anonymous' }, '192.0.2.1'), 'address:192.0.2.1')
  t.equal(callerKey(null, '192.0.2.1'), 'address:192.0.2.1')
  t.equal(callerKey(null, undefined), 'address:local')
})

test('an IPv4 address is the same however it is written', async t => {
  t.equal(addressKey('::ffff:192.0.2.1'), addressKey('192.0.2.1'))
  t.equal(addressKey('::FFFF:192.0.2.1'), addressKey('192.0.2.1'))
  t.not(addressKey('::ffff:192.0.2.2'), addressKey('192.0.2.1'))
})

test('the IPv6 addresses of one /64 are one client, however they are written', async t => {
  for (const address of ['2001:db8:0:1::1', '2001:db8::1:2:3:4:5', '2001:DB8:0:1:ffff:ffff:ffff:ffff', '2001:0db8:0000:0001::', '2001:db8:0:1:0:0:192.0.2.1']) {
    t.equal(addressKey(address), 'address:2001:db8:0:1::/64', address)
  }
  t.equal(addressKey('2001:db8:0:2::1'), 'address:2001:db8:0:2::/64')
  t.equal(addressKey('::1'), 'address:0:0:0:0::/64')
  t.equal(addressKey('fe80::1%eth0'), 'address:fe80:0:0:0::/64')
  t.equal(addressKey('1:2:3:4:5:6:7:8%a:b:c'), 'address:1:2:3:4::/64')
  t.equal(addressKey('1::'), 'address:1:0:0:0::/64')
})

test('what is no address is taken as it is', async t => {
  t.equal(addressKey('unknown'), 'address:unknown')
})
