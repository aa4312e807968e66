import { once } from 'node:events'
import { createServer, type Server } from 'node:net'
import { test } from 'tap'
import { reachableAt } from '../../lib/listen-address.ts'

const done = () => {}

test('loopback addresses and paths are reached by this machine alone, in whatever form they are given', async t => {
  const closed: unknown[][] = [
    [0, '127.0.0.1'], [0, '127.0.0.1', 511], [0, '::1', 511, done], ['0', 'localhost', done],
    [{ port: 0, host: '127.0.0.1' }], [{ host: 'localhost' }, done],
    ['/run/gateway.sock'], ['gateway.sock', 511, done], [{ path: '/run/gateway.sock' }], [{ path: '/run/gateway.sock', port: null }]
  ]
  for (const args of closed) t.equal(reachableAt(args), undefined, JSON.stringify(args))
})

test('everything else is named', async t => {
  const open: Array<[string, ...unknown[]]> = [
    ['all addresses'], ['all addresses', done], ['all addresses', undefined], ['all addresses', null],
    ['all addresses', 0], ['all addresses', 8080, done], ['all addresses', '8080'], ['all addresses', 0, ''], ['all addresses', 0, undefined, 511],
    ['all addresses', {}], ['all addresses', { port: 0 }], ['all addresses', { port: 0, host: '' }],
    ['0.0.0.0', 0, '0.0.0.0'], ['::', { port: 0, host: '::' }], ['example.com', 80, 'example.com', done],
    // Node takes the port, and not the path.
    ['all addresses', { path: '/run/gateway.sock', port: 0 }], ['10.1.2.3', { path: '/run/gateway.sock', port: '0', host: '10.1.2.3' }],
    ['a file descriptor', { fd: 3 }], ['a file descriptor', { fd: 3, path: '/run/gateway.sock' }], ['a file descriptor', { handle: {} }]
  ]
  for (const [name, ...args] of open) t.equal(reachableAt(args), name, JSON.stringify(args))
})

test('a server that listens already is named', async t => {
  const server: Server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  t.equal(reachableAt([server]), 'a file descriptor')
})
