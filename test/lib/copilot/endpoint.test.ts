import { test } from 'tap'
import { isNoEndpoint } from '../../../lib/copilot/endpoint.ts'

const path = '/chat/stream'

/** What frameworks and gateways reply to a path that they do not know, and to a service's own ways to say no more than that. */
const usual = [
  '', '{}', 'null', '7', '[]', 'true', '{"detail":"Not Found"}', '{"error":"Not found.","errorType":"not_found"}', 'Not Found', '404 Not Found', '404 page not found', '{"error":{"message":"Not Found"}}',
  '{"message":"Route POST:/chat/stream not found","error":"Not Found","statusCode":404}', 'Cannot POST /chat/stream', 'Cannot POST /base/chat/stream', '{"statusCode":404,"message":"Cannot POST /chat/stream","error":"Not Found"}',
  '{"error":{"message":"Invalid URL (POST /chat/stream)","type":"invalid_request_error","param":null,"code":null}}', '{"message":"no Route matched with those values","request_id":"8a3f"}',
  '{"timestamp":"2026-12-01T00:00:00.000+00:00","status":404,"error":"Not Found","message":"No static resource chat/stream.","path":"/chat/stream"}',
  '{"type":"https://tools.ietf.org/html/rfc9110#section-15.5.5","title":"Not Found","status":404,"traceId":"00-ab-cd-00"}', '{"type":"about:blank","title":"Not Found","status":404,"detail":"No static resource chat/stream.","instance":"/chat/stream"}',
  '{"message":"Not Found","documentation_url":"https://docs.example.com/rest"}', '{"name":"NotFoundError","code":"ERR_NOT_FOUND"}', '{"message":"The route chat/stream could not be found."}',
  'The requested URL was not found on the server. If you entered the URL manually please check your spelling and try again.', '{"error":"Unknown endpoint"}', '{"success":false,"error":"streaming is not supported"}',
  '<html><head><title>404 Not Found</title></head><body><center><h1>404 Not Found</h1></center><hr><center>nginx/1.22.1</center></body></html>', '<h1>Gone fishing</h1>',
  '<!DOCTYPE html><html><head><style>.user { color: red }</style><title>No such model</title></head><body><pre>Cannot POST /chat/stream</pre></body></html>'
]

test('a status alone, or in the words of web frameworks, says that there is no endpoint', async t => {
  for (const text of usual) t.ok(isNoEndpoint(404, text, path), text)
  for (const text of ['"Method Not Allowed"', '{"detail":"Method \\"POST\\" not allowed."}', 'The POST method is not supported for route chat/stream. Supported methods: GET, HEAD.']) t.ok(isNoEndpoint(405, text, path), text)
  t.ok(isNoEndpoint(501, '{"error":"Not implemented"}', path))
})

test('words of its own are about the question, wherever they stand', async t => {
  for (const text of [
    'no such model', '{"error":"no such model"}', '{"error":{"message":"no such model"}}', '{"error":"Not Found","errorType":"model_not_found"}', '{"code":"unknown_model"}', '{"error":',
    '"half a', '["model', '{"detail":"Model not found"}', '{"detail":[{"msg":"model not found"}]}', '{"errors":[{"description":"ModelNotFound"}]}', '{"reason_phrase":"no such deployment"}', '{"error":"Not Found","model":"gpt-x"}',
    '{"message":"Model gpt-x not found for /chat/stream"}', 'POST /chat/stream: conversation not found', '{"type":"about:blank","title":"Not Found","detail":"unknown model"}', '{"param":"model"}', 'Modell nicht gefunden', '\ufffd\ufffd', '\u001b(B', '🤷',
    '<h1>Not Found</h1><p>The model gpt-x does not exist</p>', '<html><body>No such conversation</body></html>'
  ]) {
    t.notOk(isNoEndpoint(404, text, path), text)
  }
  for (const status of [400, 403, 410, 500]) t.notOk(isNoEndpoint(status, '', path))
})
