import { EventEmitter, once } from 'node:events'
import { request } from 'node:http'
import { text } from 'node:stream/consumers'
import Fastify from 'fastify'
import { test } from 'tap'
import gateway from '../../app.ts'
import { build } from '../helper.ts'

const nowhere = { COPILOT_SERVICE_URL: 'http://127.0.0.1:9' }
const files = { 'index.html': '<!doctype html>', 'main.js': 'start()', 'styles.css': 'p{}', 'icon.svg': '<svg/>', 'secret.txt': 'no' }

test('the page and its files are served to everybody, even where questions need a key', async t => {
  const { url } = await build(t, { ...nowhere, AUTH_MODE: 'api-key', API_KEYS: 'me:0123456789abcdef' }, undefined, { pageRoot: t.testdir(files) })
  for (const [path, type, content] of [['/', 'text/html', '<!doctype html>'], ['/main.js', 'application/javascript', 'start()'], ['/styles.css', 'text/css', 'p{}'], ['/icon.svg', 'image/svg+xml', '<svg/>']] as const) {
    const response = await fetch(url + path)
    t.equal(response.status, 200, path)
    t.match(response.headers.get('content-type'), type)
    t.equal(await response.text(), content)
    t.match(Object.fromEntries(response.headers), {
      'cache-control': 'no-cache',
      'content-security-policy': "default-src 'none';script-src 'self';style-src 'self';img-src 'self';connect-src 'self';base-uri 'none';form-action 'none';frame-ancestors 'none';require-trusted-types-for 'script';trusted-types 'none'",
      'x-content-type-options': 'nosniff',
      'referrer-policy': 'no-referrer'
    })
    const again = await fetch(url + path, { headers: { 'if-none-match': response.headers.get('etag') ?? '', 'cache-control': 'max-age=0' } })
    t.equal(again.status, 304, 'what a browser has is not sent again')
  }
  t.equal((await fetch(`${url}/api/models`)).status, 401)
})

test('nothing else of the directory is', async t => {
  const { url, port } = await build(t, nowhere, undefined, { pageRoot: t.testdir(files) })
  for (const path of ['/secret.txt', '/index.html', '/main.ts', '/..%2fpackage.json']) {
    const response = await fetch(url + path)
    t.equal(response.status, 404, path)
    t.equal(response.headers.get('content-security-policy'), "default-src 'none';frame-ancestors 'none'")
    t.equal(await response.text(), 'Error: Not found')
  }
  const reply = await new Promise<string>(resolve => request({ port, path: '/../package.json' }, reply => resolve(text(reply))).end())
  t.equal(reply, 'Error: Not found')
})

test('the address to open is logged, once', async t => {
  const { url, log } = await build(t, nowhere, '::1', { pageRoot: t.testdir(files) })
  t.match(await log.line(({ msg }) => msg.startsWith('to try it')), { level: 30, msg: `to try it, open ${url}` })
  t.equal(log.lines.filter(({ msg }) => msg.includes('to try it')).length, 1)
})

test('below a prefix it is a directory, whose address is logged', async t => {
  const lines = new EventEmitter()
  const logged: string[] = []
  const app = Fastify({ logger: { stream: { write: line => { logged.push(line); lines.emit('line') } } } })
  t.teardown(() => app.close())
  await app.register(gateway, { prefix: '/my/ai', environment: {}, settings: { ...nowhere, LOG_LEVEL: 'info' }, pageRoot: t.testdir(files) })
  const url = await app.listen({ host: '127.0.0.1', port: 0 })
  while (!logged.some(line => line.includes(`"to try it, open ${url}/my/ai/"`))) await once(lines, 'line')
  const response = await fetch(`${url}/my/ai`)
  t.equal(response.url, `${url}/my/ai/`)
  t.equal(await response.text(), files['index.html'])
  t.equal((await fetch(`${url}/my/ai/main.js`)).status, 200)
})

test('DEMO_PAGE=off removes it', async t => {
  const { url, log } = await build(t, { ...nowhere, DEMO_PAGE: 'off' }, undefined, { pageRoot: t.testdir(files) })
  t.equal((await fetch(url)).status, 404)
  t.notOk(log.lines.some(({ msg }) => msg.includes('to try it')))
})

test('a gateway whose page was not built says so, and serves the rest', async t => {
  const { url, log } = await build(t, nowhere, undefined, { pageRoot: t.testdir({}) })
  t.match(await log.line(({ msg }) => msg.includes('no page')), { level: 40, msg: 'there is no page to try: it was not built' })
  t.equal((await fetch(url)).status, 404)
  t.equal((await fetch(`${url}/health`)).status, 200)
})
