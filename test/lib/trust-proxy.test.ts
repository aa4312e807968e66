import Fastify from 'fastify'
import { test } from 'tap'
import { isHopCount, trustProxy } from '../../lib/trust-proxy.ts'

test('true and false are themselves, and a hop count trusts nobody', async t => {
  t.equal(trustProxy('true'), true)
  t.equal(trustProxy('false'), false)
  t.equal(trustProxy('0'), false)
  t.equal(trustProxy('12'), false)
  t.ok(isHopCount('12'))
  t.notOk(isHopCount('1.2'))
})

test('addresses and networks are taken as they are, and Fastify takes them', async t => {
  for (const text of ['127.0.0.1', '10.0.0.0/8', '10.0.0.0/32', '::1', 'fd00::/8', '::1/128', 'loopback', 'uniquelocal, linklocal', ' 10.0.0.1 , fd00::/8 ']) {
    t.equal(trustProxy(text), text)
    t.doesNotThrow(() => Fastify({ trustProxy: trustProxy(text) ?? false }), text)
  }
})

test('anything else is not understood', async t => {
  for (const text of ['', 'yes', 'TRUE', 'example.com', '10.0.0.0/33', '::1/129', '10.0.0.0/', '10.0.0.0/a', '10.0.0.0/8/8', '10.0.0.0/255.0.0.0', '10.0.0.1,', '-1', '1.5']) t.equal(trustProxy(text), undefined, text)
})
