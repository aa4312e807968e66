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
    t.match(await turn.locator('.answer').innerText(), /^This is a demo answer.*start again\.$/s)
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
    const prompt = service.requests.filter(({ path }) => path === '/chat/stream').at(-1)?.json.prompt
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
})
