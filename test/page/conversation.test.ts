import { text } from 'node:stream/consumers'
import tap from 'tap'
import { json, streams } from '../helper.ts'
import { Pen, setUp } from './browser.ts'

tap.test('a conversation on the page', async t => {
  const given = await setUp(t)
  if (!given) return
  const { gateway, pair, visit } = given

  t.test('is written word by word by the demo engine, with nothing configured', async t => {
    const { url, log } = await gateway(t)
    await log.line(({ msg }) => msg === `to try it, open ${url}`)
    const { page, turn, ask, become, offences } = await visit(t, url)
    t.match(await page.getByRole('heading', { level: 2 }).innerText(), 'Ask something')
    await page.locator('#model option', { hasText: 'Demo' }).waitFor({ state: 'attached' })
    await ask('What is **this**?')
    await become('streaming')
    t.equal(await page.getByRole('button', { name: 'Send' }).count(), 0)
    await become('done')
    t.ok((await turn.locator('.answer').innerText()).length > 50)
    t.equal(await turn.locator('.prompt').innerText(), 'What is **this**?')
    t.strictSame(offences, [])
  })

  t.test('is sent along with the next question: whole answers and their questions', async t => {
    const pen = new Pen()
    const { url, service } = await pair(t, { '/chat/stream': streams('One.') })
    const { ask, become, page, turn, offences } = await visit(t, url)
    await ask('First?')
    await become('done')
    service.scripts['/chat/stream'] = pen.script
    await ask('Stopped?')
    await pen.write('Half')
    await become('streaming')
    await page.getByRole('button', { name: 'Stop' }).click()
    await become('stopped')
    service.scripts['/chat/stream'] = streams('Two.')
    await ask('Second?')
    await become('done')
    t.equal(await turn.locator('.answer').innerText(), 'Two.')
    const prompt = service.asked().at(-1)?.json.prompt
    t.match(prompt, /User: First\?\n\nAssistant: One\.\n\nUser \(latest\): Second\?$/)
    t.notMatch(prompt, 'Stopped?')
    t.strictSame(offences, [])
  })

  t.test('shows a buffered answer of a service that cannot stream, and says so', async t => {
    const { url } = await pair(t, { '/chat': json(200, { output: 'All at once.' }) })
    const { page, ask, become, turn, offences } = await visit(t, url)
    await page.getByRole('button', { name: 'Details' }).click()
    await ask('Hello')
    await become('done')
    t.equal(await turn.locator('.answer').innerText(), 'All at once.')
    await page.getByText('buffered: it came whole').waitFor()
    t.strictSame(offences, [])
  })

  t.test('survives a reload, and begins anew while the other is kept', async t => {
    const { url } = await pair(t, { '/chat/stream': streams('Once.') })
    const { page, turn, ask, become, offences } = await visit(t, url)
    await ask('Hello')
    await become('done')
    await page.reload()
    await become('done')
    t.equal(await turn.locator('.answer').innerText(), 'Once.')
    await page.getByRole('button', { name: 'New chat' }).click()
    t.equal(await page.locator('.turn').count(), 0)
    await page.reload()
    await page.getByRole('heading', { name: 'Ask something' }).waitFor()
    await page.getByRole('navigation', { name: 'Conversations' }).getByRole('link', { name: 'Hello' }).click()
    await become('done')
    t.strictSame(offences, [])
  })

  t.test('asks in the mode and with the model that are chosen', async t => {
    const { url, service } = await pair(t, { '/chat/stream': streams('Fine.'), '/models': json(200, { models: [{ id: 'gpt-x', name: 'GPT-X' }, { id: 'gpt-y' }] }) })
    const { page, ask, become } = await visit(t, url)
    await page.getByLabel('Model').selectOption('GPT-X')
    await page.getByLabel('Mode', { exact: true }).selectOption('Project')
    await ask('Hello')
    await become('done')
    t.match(service.asked()[0]?.json, { prompt: 'Hello', mode: 'project-helper', model: 'gpt-x' })
  })

  t.test('goes on where the browser keeps nothing, and where it keeps nonsense', async t => {
    const { url } = await pair(t, { '/chat/stream': streams('Fine.') })
    const { page, turn, ask, become, offences } = await visit(t, url)
    await page.addInitScript('Object.defineProperty(window, "localStorage", { get () { throw new DOMException("no") } }); Object.defineProperty(window, "sessionStorage", { get () { throw new DOMException("no") } })')
    await page.reload()
    await ask('Hello')
    await become('done')
    t.equal(await turn.locator('.answer').innerText(), 'Fine.')

    const other = await visit(t, url)
    for (const nonsense of ['{', '[1, null, {}, { "prompt": 1 }]', '"x"']) {
      await other.page.evaluate(`for (const name of ['conversation', 'chat:x', 'turn:x:y']) localStorage.setItem('copilot-stream-gateway:' + name, ${JSON.stringify(nonsense)})`)
      await other.page.reload()
      await other.page.getByRole('heading', { name: 'Ask something' }).waitFor()
    }
    t.strictSame([...offences, ...other.offences], [])
  })

  t.test('is measured: what came when is shown, and can be saved', async t => {
    const pen = new Pen()
    const { url } = await pair(t, { '/chat/stream': pen.script })
    const { page, turn, ask, become, offences } = await visit(t, url)
    await page.getByRole('button', { name: 'Details' }).click()
    t.ok(await page.getByRole('button', { name: 'Save events' }).isDisabled())
    await ask('Hello')
    for (const piece of ['Grüße ', 'aus ', 'Köln ']) {
      await pen.write(piece)
      await turn.locator('.answer', { hasText: piece.trim() }).waitFor()
    }
    await pen.end()
    await become('done')
    const facts = page.locator('#facts')
    await facts.getByText('done').waitFor()
    t.match(await facts.innerText(), /Delivery\s+stream\s+First piece after\s+\d+ ms\s+Pieces a second\s+\S+\s+Pieces\s+3\s+Bytes\s+18\s+Status\s+done\s+[^]*Request\s+[\w-]{36}/)
    t.equal(await page.getByRole('img', { name: /^2 gaps, typically \d+ ms, at most \d+ ms$/ }).locator('rect').count(), 2)
    const download = page.waitForEvent('download')
    await page.getByRole('button', { name: 'Save events' }).click()
    const saved = await text(await (await download).createReadStream())
    t.match((await download).suggestedFilename(), /^answer-[\w-]{36}\.ndjson$/)
    const events = saved.trimEnd().split('\n').map(line => JSON.parse(line))
    t.match(events.map(({ event }) => event), ['start', 'delta', 'delta', 'delta', 'done'])
    t.match(events[3], { id: '18', data: { text: 'Köln ' } })
    t.ok(events.every(({ at }, index) => at >= (events[index - 1]?.at ?? 0)))
    t.strictSame(offences, [])
  })

  t.test('is followed while it grows, and never moved away from who reads what is above', async t => {
    const pen = new Pen()
    const { url } = await pair(t, { '/chat/stream': pen.script })
    const { page, turn, ask, become, until } = await visit(t, url, { viewport: { width: 800, height: 600 } })
    const atEnd = 'Math.abs(document.documentElement.scrollHeight - innerHeight - scrollY) < 2'
    await ask('Hello')
    await pen.write('Line\n\n'.repeat(60))
    await become('streaming')
    await until(`scrollY > 600 && ${atEnd}`)
    await page.mouse.wheel(0, -10_000)
    await until('scrollY === 0')
    await pen.write('More\n\n'.repeat(60))
    await turn.getByText('More').nth(50).waitFor()
    const latest = page.getByRole('button', { name: 'Go to the latest words' })
    await latest.waitFor()
    t.equal(await page.evaluate('scrollY'), 0)
    await latest.click()
    await until(atEnd)
    t.equal(await latest.isVisible(), false)
    await pen.end('And more.\n\n'.repeat(20))
    await become('done')
    await until(atEnd)
  })
})
