import { test } from 'tap'
import { isNoEndpoint } from '../../../lib/copilot/endpoint.ts'

const path = '/chat/stream'

test('a status alone, in a framework\'s words or on a page, says that there is no endpoint', async t => {
  for (const text of ['', '{}', 'null', '7', '{"detail":"Not Found"}', '{"error":"Not found.","errorType":"not_found"}', '{"message":"Route POST:/chat/stream not found","error":"Not Found","statusCode":404}', 'Cannot POST /chat/stream', '404 Not Found', '<h1>Gone fishing</h1>', '{"error":{"message":"Not Found"}}']) {
    t.ok(isNoEndpoint(404, text, path), text)
  }
  t.ok(isNoEndpoint(405, '"Method Not Allowed"', path))
  t.ok(isNoEndpoint(501, '{"error":"Not implemented"}', path))
})

test('words of its own are about the question', async t => {
  for (const text of ['no such model', '{"error":"no such model"}', '{"error":{"message":"no such model"}}', '{"error":"Not Found","errorType":"model_not_found"}', '{"code":"unknown_model"}', '{"error":']) {
    t.notOk(isNoEndpoint(404, text, path), text)
  }
  t.notOk(isNoEndpoint(500, '', path))
})
