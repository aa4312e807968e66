import { test } from 'tap'
import { sanitize } from '../../lib/redact.ts'

test('the given secrets are taken out, wherever and however often they stand', async t => {
  t.equal(sanitize('a s3cret b, s3cret', ['s3cret']), 'a [redacted] b, [redacted]')
  t.equal(sanitize('one two', ['one-', 'two2', '']), 'one two')
})

test('a secret that is too short to be one stays, so that words survive', async t => {
  t.equal(sanitize('banana', ['an', '', 'ban']), 'banana')
})

test('a secret with characters of regular expressions is taken as it is', async t => {
  t.equal(sanitize('x a.*+b( y aXXb', ['a.*+b(']), 'x [redacted] y aXXb')
})

test('what looks like a credential is taken out', async t => {
  for (const credential of [
    'ghp_0123456789abcdefABCD',
    'gho_0123456789abcdefABCD',
    'github_pat_11ABCDEFG0_abcdefghijkl',
    'sk-proj-abcdef_0123456789',
    'eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJtZSJ9.c2lnbmF0dXJl',
    'eyJhbGciOiJub25lIn0.eyJzdWIiOiJtZSJ9.'
  ]) t.equal(sanitize(`token ${credential} refused`), 'token [redacted] refused', credential)
  t.equal(sanitize('Authorization: Bearer abc123def456, next'), 'Authorization: Bearer [redacted], next')
  t.equal(sanitize('authorization: basic dXNlcjpwYXNzMQ=='), 'authorization: basic [redacted]')
  t.equal(sanitize('Bearer\n\t abc123def456'), 'Bearer [redacted]')
})

/** What was said, and what is left of it. */
const credentials: Array<[said: string, shown: string]> = [
  ['https://user:secret@copilot.example/v1', 'https://[redacted]@copilot.example/v1'],
  ['redis://:p@ss:w0rd@10.0.0.1:6379/0 is down', 'redis://[redacted]@10.0.0.1:6379/0 is down'],
  ['https://user@host/a@b', 'https://[redacted]@host/a@b'],
  ['Bearer abcdefghijk', 'Bearer [redacted]'],
  ['refused: Bearer abc.def', 'refused: Bearer [redacted]'],
  ['Authorization: Basic dXNlcjpwYXNz', 'Authorization: Basic [redacted]'],
  ['Basic dXNlcjpwYXNz was refused', 'Basic [redacted] was refused'],
  ['Basic YWRtaW46YWRtaW4= was refused', 'Basic [redacted] was refused'],
  ['{"authorization":"hunter-two"}', '{"authorization":"[redacted]"}'],
  ['Proxy-Authorization: Digest username="me"', 'Proxy-Authorization: Digest [redacted]"me"'],
  ['X-API-Key: abcdefgh', 'X-API-Key: [redacted]'],
  ['X-GitHub-Token: abcdefgh and more', 'X-GitHub-Token: [redacted] and more'],
  ['Cookie: sid=abcdef; theme=dark', 'Cookie: [redacted]'],
  ['Set-Cookie: sid=abcdef; Path=/; HttpOnly, next', 'Set-Cookie: [redacted], next'],
  ['{"cookie":"sid=abcdef; b=c","x":1}', '{"cookie":"[redacted]","x":1}'],
  ['GET /v1?api_key=abcdef&x=1', 'GET /v1?api_key=[redacted]&x=1'],
  ['GET /v1?x=1&access_token=abcdef#top', 'GET /v1?x=1&access_token=[redacted]'],
  ['GET /v1?token=abc', 'GET /v1?token=[redacted]'],
  ['GET /v1?key=abcdef&x=1', 'GET /v1?key=[redacted]&x=1'],
  ['client_secret=abcdef', 'client_secret=[redacted]'],
  ['password=hunter2', 'password=[redacted]'],
  ['{"apiKey":"abc def","model":"m"}', '{"apiKey":"[redacted]","model":"m"}'],
  ['{"api_key": "a\\"b", "x": 1}', '{"api_key": "[redacted]", "x": 1}'],
  ['{\\"accessToken\\":\\"abcdef\\"}', '{\\"accessToken\\":\\"[redacted]\\"}'],
  ["{'secret': 'abc def'}", "{'secret': '[redacted]'}"],
  ['api key: none; password: hunter22', 'api key: none; password: [redacted]'],
  ['aws_secret_access_key=wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY', 'aws_secret_access_key=[redacted]'],
  ['DefaultEndpointsProtocol=https;AccountKey=abc/def+ghi==;x', 'DefaultEndpointsProtocol=https;AccountKey=[redacted];x'],
  ["{ accessToken: 'hunter-two', apiKey: 'hunter-one' }", "{ accessToken: '[redacted]', apiKey: '[redacted]' }"],
  ['auth_token: "hunter-two"', 'auth_token: "[redacted]"'],
  [':token=>"hunter-two"', ':token=>"[redacted]"'],
  ['password = "hunter two"', 'password = "[redacted]"'],
  ['x-goog-api-key: hunter-two', 'x-goog-api-key: [redacted]'],
  ['X-Amz-Security-Token: hunter-two', 'X-Amz-Security-Token: [redacted]'],
  ['Ocp-Apim-Subscription-Key: hunter-two', 'Ocp-Apim-Subscription-Key: [redacted]'],
  ['api-key: hunter-two', 'api-key: [redacted]'],
  ['["x-api-key","hunter-two"]', '["x-api-key","[redacted]"]'],
  ['Bearer: hunter-two', 'Bearer: [redacted]'],
  ['bearer=hunter-two', 'bearer=[redacted]'],
  ['Bearer "hunter-two"', 'Bearer "[redacted]"'],
  ['Bearer%20hunter-two', 'Bearer%20[redacted]'],
  ['authorization=[Bearer hunter-two]', 'authorization=[Bearer [redacted]'],
  ['nonce="abcdefgh", response="hunter-two"', 'nonce="[redacted]", response="[redacted]"'],
  ['Server=db;Pwd=hunter-two;x', 'Server=db;Pwd=[redacted];x'],
  ['<password>hunter-two</password>', '<password>[redacted]</password>'],
  ['API_KEYS=alice:hunter-two', 'API_KEYS=[redacted]'],
  ['curl -u me:hunter-two http://x', 'curl -u me:[redacted] http://x'],
  ['--password hunter-two', '--password [redacted]'],
  ['//me:hunter-two@host/x', '//[redacted]@host/x'],
  ['next=https%3A%2F%2Fme%3Ahunter-two%40host', 'next=https%3A%2F%2F[redacted]%40host'],
  ['tid=0a1b;exp=1700000000;sku=free;8kp=1:abcdef', '[redacted]'],
  ['hvs.CAESIabcdefghij0123 pypi-AgEIcHlwaS5vcmcabcdef SG.abcdefghij.klmnopqrst dop_v1_0123456789abcdef0123', '[redacted] [redacted] [redacted] [redacted]'],
  ...[
    'AKIAIOSFODNN7EXAMPLE', 'ASIAIOSFODNN7EXAMPLE', 'AIzaSyA-1234567890abcdefghijklmnopqrstu', 'ya29.a0AfH6SMBx_1234', 'GOCSPX-abcdefghijkl',
    ['xoxb', '123456789012', 'abcdefghijkl'].join('-'), 'sk-abcdefghijklmnopqrstuvwx', 'sk-ant-api03-abcdef_ghijkl', 'sk-proj-0123456789', ['sk', 'live', 'abcdefgh12345678'].join('_'),
    'ghs_0123456789abcdefABCD', 'glpat-abcdefghij0123456789', 'hf_abcdefghijklmnopqrstuvwx'
  ].map((key): [string, string] => [`key ${key} refused`, 'key [redacted] refused']),
  ['-----BEGIN RSA PRIVATE KEY-----\nMIIEow\nABC\n-----END RSA PRIVATE KEY-----\nthen', '[redacted] then'],
  ['it says -----BEGIN PRIVATE KEY-----\\nMIIEow\\nABC', 'it says [redacted]']
]

for (const [said, shown] of credentials) {
  test(`${JSON.stringify(said)} is told without its secret`, async t => {
    t.equal(sanitize(said), shown)
    t.equal(sanitize(shown), shown, 'what was redacted stays as it is')
  })
}

test('prose about tokens stays readable', async t => {
  for (const text of [
    'the token expired', 'token: expired', 'Incorrect API key provided', 'password: must have eight characters', 'max_tokens=100 is too many', 'Basic understanding of cookies: they are small', 'Bearer authentication failed', 'Bearer credentials required',
    'the bearer presented nothing', 'authorization failed', 'see https://example.com/a?b=c@d', 'mail me@example.com', 'cookie: none was sent', 'keys: one, two', 'risk-averse people ask', 'the secret of good prose', 'the "token" is missing', '-----BEGIN CERTIFICATE-----',
    'bearer authentication failed', 'basic understanding required', 'sk-short', 'a task-force-of-many-people', 'ghp_ is a prefix', 'eyJ is how they begin']) t.equal(sanitize(text), text)
})

test('text becomes one line without control characters', async t => {
  t.equal(sanitize('  a\r\nb\tc\u0000d\u001b[31m\u2028e  '), 'a b c d [31m e')
})

test('long text is cut to the limit, an ellipsis included, and no character is left in half', async t => {
  t.equal(sanitize('x'.repeat(500)), 'x'.repeat(500))
  t.equal(sanitize('x'.repeat(501)), 'x'.repeat(499) + '…')
  t.equal(sanitize('abcdef', [], 4), 'abc…')
  t.ok(sanitize('🌍'.repeat(300)).isWellFormed())
})

test('a secret at the cut is redacted before the text is cut', async t => {
  t.notMatch(sanitize('x'.repeat(490) + ' top-s3cret-token', ['top-s3cret-token']), /top/)
})

test('half a megabyte of hostile text takes linear time, whatever shape it begins', async t => {
  const before = process.cpuUsage()
  const parts = [
    '://', '://a', '://a@', 'cookie: a=b; ', 'cookie:a=b;', 'cookie=', 'authorization: ', 'authorization:basic ', 'authorization', 'bearer a', 'bearer a.', 'basic a', 'basic aA', 'basic', 'token:', 'token=', 'token":"', 'token":"\\', 'token\\":\\"',
    "token':'", 'password: a', 'secret', 'x-a-token:', 'x-a', '?key=', '&sig', '-----BEGIN PRIVATE KEY-----', '-----BEGIN ', '-----END', 'sk-', 'sk-a', 'xoxb-', 'AIza', 'ya29.', 'AKIA', 'github_pat_', 'glpat-', 'hf_', 'eyJ', 'a.', 'a-', 'a_', 'a=', "token: 'a", 'token=>"', '<token>', '--token a', ' -u a:', 'pwd=', '//a:b', '%3A%2F%2Fa', 'bearer=a', 'nonce="', 'api-key:a', 'a-api-key', 'tid=', '\\"', '@', '[redacted]'
  ]
  for (const part of parts) sanitize(part.repeat(500_000 / part.length))
  // Quadratic patterns take minutes for it, linear ones about a second in all.
  t.ok(process.cpuUsage(before).user < 30_000_000)
})

test('64 KiB of the worst text takes linear time', async t => {
  // CPU time, which a busy machine does not add to: seconds for quadratic patterns, milliseconds for linear ones.
  const before = process.cpuUsage()
  for (const text of ['bearer' + ' '.repeat(65_000), 'eyJ'.repeat(21_000), 'eyJ-'.repeat(16_000), 'eyJ.'.repeat(16_000), 'gho_'.repeat(16_000), 'bearer '.repeat(9_000), 'basic ' + 'a'.repeat(65_000)]) sanitize(text)
  t.ok(process.cpuUsage(before).user < 1_000_000)
})
