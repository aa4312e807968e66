import { readFile } from 'node:fs/promises'
import { test } from 'tap'
import { eventData } from '../../lib/openapi/events.ts'
import { ask, build, pair, streams } from '../helper.ts'

const nowhere = { COPILOT_SERVICE_URL: 'http://127.0.0.1:9' }

test('the document describes POST /api/chat by the schema that validates it', async t => {
  const { url } = await build(t, nowhere)
  const document = await (await fetch(`${url}/docs/json`)).json()
  t.match(document, {
    openapi: /^3\./,
    info: { title: 'Copilot Stream Gateway' },
    paths: {
      '/api/chat': {
        post: {
          requestBody: {
            required: true,
            content: {
              'application/json': {
                schema: {
                  required: ['prompt'],
                  properties: {
                    prompt: { type: 'string', minLength: 1, maxLength: 20_000 },
                    mode: { enum: ['explain-only', 'project-helper'], default: 'explain-only' },
                    messages: { type: 'array' }
                  }
                }
              }
            }
          }
        }
      },
      '/api/models': { get: {} },
      '/health': { get: {} }
    }
  })
})

test('it has every reply: forms of an answer, its events, and failures by status', async t => {
  const { url } = await build(t, nowhere)
  const { paths, components: { schemas } } = JSON.parse(await (await fetch(`${url}/docs/json`)).text())
  const { responses } = paths['/api/chat'].post
  t.strictSame(Object.keys(responses), ['200', '400', '401', '403', '409', '413', '415', '422', '429', '500', '502', '503', '504'])
  t.strictSame(Object.keys(responses['200'].content), ['text/plain', 'text/event-stream'])
  t.strictSame(Object.keys(responses['200'].content['text/event-stream'].schema['x-events']), ['start', 'delta', 'reasoning', 'tool', 'done', 'error', 'reconnect'])
  t.match(responses['502'], { description: /`bad_reply`: .*; `stream_empty`: .*`length`/, content: { 'application/json': { schema: { $ref: '#/components/schemas/Error' } } } })
  t.match(paths['/v1/chat/completions'].post.responses, { 200: { content: { 'application/json': {}, 'text/event-stream': {} } }, 400: { content: { 'application/json': { schema: { $ref: '#/components/schemas/OpenAIError' } } } } })
  t.match(paths['/api/chat/{streamId}'], { get: { responses: { 200: {}, 204: {}, 404: {}, 410: {}, 416: {} } }, delete: { responses: { 204: {}, 404: {} } } })
  t.match(paths['/api/models'].get.responses, { 200: {}, 503: {} })
  t.match(paths['/health/ready'].get.responses, { 200: {}, 503: {} })
  for (const operations of Object.values<Record<string, { responses: object }>>(paths)) for (const { responses } of Object.values(operations)) t.ok(Object.keys(responses).length > 0)
  const names = [...JSON.stringify({ paths, schemas }).matchAll(/"#\/components\/schemas\/(.+?)"/g)].map(([, name = '']) => name)
  t.strictSame(names.filter(name => !(name in schemas)), [], 'every schema that is referred to is there')
})

test('only what a request must have is required', async t => {
  const { url, service } = await pair(t, { '/chat/stream': streams('x') })
  const { paths, components: { schemas } } = JSON.parse(await (await fetch(`${url}/docs/json`)).text())
  const { requestBody } = paths['/api/chat'].post
  const { 'application/json': { schema, examples } } = requestBody.content
  t.strictSame(schema.required, ['prompt'])
  t.strictSame(paths['/v1/chat/completions'].post.requestBody.content['application/json'].schema.required, ['messages'])
  const [offset] = paths['/api/chat/{streamId}'].get.parameters.filter(({ name }: { name: string }) => name === 'offset')
  t.notOk(offset.required)
  t.match(requestBody['x-body-of-the-ai-sdk'], { $ref: '#/components/schemas/UiChat' })
  t.strictSame(schemas.UiChat.required, ['messages'])
  for (const { value } of Object.values<{ value: object }>(examples)) t.equal((await ask(url, value)).status, 200, JSON.stringify(value))
  t.equal(service.asked().length, Object.keys(examples).length)
})

test('it has the headers of replies, and no reply that is never given', async t => {
  const { url } = await build(t, nowhere)
  const { paths } = JSON.parse(await (await fetch(`${url}/docs/json`)).text())
  const headersOf = (path: string, method: string, status: string): string[] => Object.keys(paths[path][method].responses[status].headers)
  const limits = ['RateLimit-Limit', 'RateLimit-Remaining', 'RateLimit-Reset']
  t.strictSame(headersOf('/api/chat', 'post', '200'), ['X-Request-Id', ...limits, 'X-Copilot-Delivery', 'X-Stream-Id', 'Idempotent-Replayed'])
  t.strictSame(headersOf('/api/chat/{streamId}', 'get', '200'), ['X-Request-Id', ...limits, 'X-Copilot-Delivery', 'X-Stream-Id'])
  t.strictSame(headersOf('/v1/chat/completions', 'post', '200'), ['X-Request-Id', ...limits, 'X-Copilot-Delivery', 'X-Stream-Id', 'Idempotent-Replayed', 'X-Ignored-Parameters'])
  t.strictSame(headersOf('/v1/chat/completions', 'post', '502'), ['X-Request-Id', ...limits, 'X-Error-Type', 'X-Should-Retry'])
  for (const status of ['429', '503']) t.strictSame(headersOf('/api/chat', 'post', status), ['X-Request-Id', ...limits, 'X-Error-Type', 'Retry-After'])
  t.match(paths['/metrics'].get.responses, { 200: { content: { 'text/plain': {} } }, 401: {} })
  t.notOk('404' in paths['/metrics'].get.responses)
  const { delete: stop, get: running } = paths['/api/chat/{chatId}/stream']
  for (const { responses } of [stop, running]) {
    t.ok('204' in responses)
    t.notOk('404' in responses)
  }
  t.ok('404' in paths['/api/chat'].delete.responses, 'without a key there is nothing to be stopped')
  t.strictSame(await Promise.all([['/api/chat/c/stream', 'DELETE'], ['/api/chat/c/stream', 'GET'], ['/api/chat', 'DELETE'], ['/api/chat/x', 'DELETE']].map(async ([path, method = '']) => (await fetch(`${url}${path}`, { method })).status)), [204, 204, 404, 404])
})

test('the vocabulary of events is that of docs/api.md', async t => {
  const rows = (await readFile(new URL('../../docs/api.md', import.meta.url), 'utf8')).matchAll(/^\| `(start|delta|reasoning|tool|done|error|reconnect)` \| (.*) \|$/gm)
  const told = new Map(Array.from(rows, ([, event = '', data = '']) => [event, data]))
  t.strictSame([...told.keys()], Object.keys(eventData))
  for (const [event, { properties }] of Object.entries(eventData)) for (const name of Object.keys(properties)) t.match(told.get(event), `\`${name}\``, `${event} has ${name}`)
})

test('there is a page that shows it, and its policy lets it work', async t => {
  const { url } = await build(t, nowhere)
  const page = await fetch(`${url}/docs`)
  t.equal(page.status, 200)
  t.match(page.headers.get('content-type'), 'text/html')
  const policy = page.headers.get('content-security-policy') ?? ''
  t.match(policy, /^default-src 'none'; script-src 'self'; style-src 'self'; /)
  t.notMatch(policy, /unsafe|https?:|\*/, 'nothing inline, and nothing from anywhere else')
  const html = await page.text()
  t.notMatch(html, /<script(?![^>]* src=)|<style|\son\w+=|\sstyle=/, 'it needs nothing inline')
  for (const [, file = ''] of html.matchAll(/(?:src|href)="([^"]+)"/g)) t.equal((await fetch(new URL(file, page.url))).status, 200, file)
})
