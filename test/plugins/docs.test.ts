import { test } from 'tap'
import { build } from '../helper.ts'

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
