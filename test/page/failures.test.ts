import type { ServerResponse } from 'node:http'
import tap from 'tap'
import { proxy } from '../client/proxy.ts'
import { ask as askElsewhere, json } from '../helper.ts'
import { Pen, setUp } from './browser.ts'

/** What a person reads of failures that the service reports. */
const reported: Array<{ errorType: string, status: number, headers?: Record<string, string>, title: string, advice: RegExp, again: boolean }> = [
  { errorType: 'token_missing', status: 503, title: 'GitHub Copilot is not configured', advice: /has to set COPILOT_GITHUB_TOKEN/, again: false },
  { errorType: 'auth', status: 401, title: 'The gateway is not signed in to GitHub Copilot', advice: /has to renew it/, again: false },
  { errorType: 'rate_limited', status: 429, title: 'Too many questions', advice: /Wait a moment/, again: true },
  { errorType: 'sdk', status: 500, title: 'Copilot reports an error', advice: /Try again/, again: true }
]

tap.test('failures, as a person sees them', async t => {
  const given = await setUp(t)
  if (!given) return
  const { pair, visit } = given

  for (const { errorType, status, title, advice, again } of reported) {
    t.test(`${errorType}: what it is, what to do about it, and what to find it by`, async t => {
      const { url } = await pair(t, { '/chat/stream': json(status, { error: 'the service says so', errorType }) })
      const { page, turn, ask, become, offences } = await visit(t, url)
      await ask('Hello')
      await become('error')
      t.equal(await turn.getByRole('heading', { name: title }).count(), 1)
      t.match(await turn.locator('.trouble').innerText(), advice)
      t.match(await turn.locator('.trouble').innerText(), /the service says so[^]*Request [\w-]{36}/)
      t.equal(await turn.getByRole('button', { name: 'Try again' }).count(), again ? 1 : 0)
      t.ok((await page.getByRole('status').innerText()).startsWith(title), 'it is said aloud')

      await page.reload()
      await become('error')
      t.equal(await turn.getByRole('heading', { name: title }).count(), 1, 'it is still there after a reload')
      t.strictSame(offences, [])
    })
  }

  t.test('rate_limited with Retry-After: a countdown, then Try again, which asks the same again', async t => {
    const { url, service } = await pair(t, { '/chat/stream': json(429, { errorType: 'rate_limited' }, { 'retry-after': '600' }) })
    const { page, turn, ask, become } = await visit(t, url)
    await page.clock.install()
    await ask('Hello')
    await become('error')
    const again = turn.getByRole('button', { name: 'Try again' })
    t.match(await turn.locator('.wait').innerText(), /^in \d{3} s$/)
    t.ok(await again.isDisabled())
    const pen = new Pen()
    service.scripts['/chat/stream'] = pen.script
    await page.clock.fastForward('10:01')
    // A press waits for the button to be enabled.
    await again.click()
    await pen.end('Now.')
    await become('done')
    t.equal(await turn.locator('.answer').innerText(), 'Now.')
    t.equal(await turn.locator('.trouble').count(), 0)
    t.strictSame(service.asked().map(({ json }) => json.prompt), ['Hello', 'Hello'])
  })

  t.test('a gateway that is full, and a caller with too many answers, are told apart', async t => {
    for (const [setting, title] of [['MAX_STREAMS', 'The gateway has too much to do'], ['MAX_STREAMS_PER_CALLER', 'Too many answers at once']] as const) {
      const pen = new Pen()
      const { url } = await pair(t, { '/chat/stream': pen.script }, { [setting]: '1' })
      const { turn, ask, become } = await visit(t, url)
      const elsewhere = askElsewhere(url)
      await pen.write('busy')
      await elsewhere
      await ask('Hello')
      await become('error')
      t.equal(await turn.getByRole('heading', { name: title }).count(), 1, title)
    }
  })

  t.test('a gateway that is restarting, and one that cannot be reached', async t => {
    const { port, service } = await pair(t, { '/chat/stream': json(500, {}) })
    const network = await proxy(t, port)
    const { page, turn, ask, become } = await visit(t, network.url)
    await page.route('**/api/chat', route => route.fulfill({ status: 503, headers: { 'Retry-After': '600' }, json: { error: 'The gateway is shutting down', errorType: 'draining' } }))
    await ask('Hello')
    await become('error')
    t.equal(await turn.getByRole('heading', { name: 'The gateway is restarting' }).count(), 1)
    t.match(await turn.locator('.wait').innerText(), /^in \d{3} s$/)
    await page.unroute('**/api/chat')

    network.target = undefined
    network.cut()
    await ask('Are you there?')
    await become('error')
    t.equal(await turn.getByRole('heading', { name: 'No connection to the gateway' }).count(), 1)
    t.equal(service.asked().length, 0)

    network.target = port
    const pen = new Pen()
    service.scripts['/chat/stream'] = pen.script
    await turn.getByRole('button', { name: 'Try again' }).click()
    await pen.end('I am.')
    await become('done')
    t.equal(await turn.locator('.answer').innerText(), 'I am.')
  })

  t.test('a service that breaks off in the middle: what has arrived stays, and is no part of the conversation', async t => {
    const pen = new Pen()
    const { url, service } = await pair(t, { '/chat/stream': pen.script })
    const { turn, ask, become } = await visit(t, url)
    await ask('Hello')
    await pen.write('Half an ')
    await become('streaming')
    await pen.cut()
    await become('error')
    t.equal(await turn.getByRole('heading', { name: 'Copilot was cut off in the middle' }).count(), 1)
    t.equal(await turn.locator('.answer').innerText(), 'Half an')
    service.scripts['/chat/stream'] = (reply: ServerResponse) => reply.end('Whole.')
    await ask('And now?')
    await become('done')
    t.equal(service.asked().at(-1)?.json.prompt, 'And now?')
  })
})

tap.test('a gateway that wants a key', async t => {
  const given = await setUp(t)
  if (!given) return
  const { pair, visit } = given
  const key = 'k-0123456789-abcdef'
  const environment = { AUTH_MODE: 'api-key', API_KEYS: `me:${key}` }

  t.test('is given one when it says so, and the question is asked again by itself', async t => {
    const { url, log } = await pair(t, { '/chat/stream': (reply: ServerResponse) => reply.end('Welcome.'), '/models': json(200, { models: [{ id: 'gpt-x' }] }) }, environment)
    const { page, turn, ask, become, offences } = await visit(t, url)
    await ask('Hello')
    const dialog = page.getByRole('dialog', { name: 'Key or token' })
    await dialog.getByText('Authentication required').waitFor()
    await page.keyboard.type('a wrong one')
    await page.keyboard.press('Enter')
    await dialog.getByText('the credentials were not accepted').waitFor()
    t.equal(await dialog.getByLabel('API key or token').inputValue(), '', 'what was typed stays nowhere')
    await dialog.getByLabel('API key or token').fill(key)
    await dialog.getByRole('button', { name: 'Use it' }).click()
    await become('done')
    t.equal(await turn.locator('.answer').innerText(), 'Welcome.')
    await page.locator('#model option', { hasText: 'gpt-x' }).waitFor({ state: 'attached' })
    t.match(await log.line(({ msg, status, route }) => msg === 'request ended' && status === 200 && route === '/api/chat'), { caller: 'me' })

    const kept = await page.evaluate('JSON.stringify([{ ...localStorage }, { ...sessionStorage }, location.href, document.documentElement.outerHTML])')
    t.notMatch(kept, key)
    await page.reload()
    await ask('Hello again')
    await dialog.getByText('Authentication required').waitFor()
    await page.keyboard.press('Escape')
    await become('error')
    await turn.getByRole('button', { name: 'Enter a key' }).click()
    await dialog.waitFor()
    t.strictSame(offences, [])
  })

  t.test('is given it after a reload, too, when the person wants it kept until the tab is closed, and not once it is forgotten', async t => {
    const { url } = await pair(t, { '/chat/stream': (reply: ServerResponse) => reply.end('Welcome.') }, environment)
    const { page, ask, become, until } = await visit(t, url)
    await page.getByRole('button', { name: 'Key' }).click()
    await page.getByLabel('API key or token').fill(key)
    await page.getByLabel('Keep it until this tab is closed').check()
    await page.getByRole('button', { name: 'Use it' }).click()
    t.notMatch(await page.evaluate('JSON.stringify({ ...localStorage })'), key)
    await page.reload()
    await ask('Hello')
    await become('done')

    await page.getByRole('button', { name: 'Key' }).click()
    await page.getByRole('button', { name: 'Forget it' }).click()
    await until('sessionStorage.length === 0')
    await ask('Hello')
    await page.getByText('Authentication required').first().waitFor()
    await become('error')
  })

  t.test('is given it again after a reload in the middle of an answer, which then goes on', async t => {
    const pen = new Pen()
    const { url, service } = await pair(t, { '/chat/stream': pen.script }, environment)
    const { page, turn, ask, become } = await visit(t, url)
    const enter = async (): Promise<void> => {
      await page.getByLabel('API key or token').fill(key)
      await page.keyboard.press('Enter')
    }
    await ask('Hello')
    await enter()
    await pen.write('Half ')
    await become('streaming')
    await page.reload()
    await enter()
    await pen.end('an answer')
    await become('done')
    t.equal(await turn.locator('.answer').innerText(), 'Half an answer')
    t.equal(service.asked().length, 1)
  })
})
