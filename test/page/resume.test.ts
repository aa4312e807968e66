import tap from 'tap'
import { proxy } from '../client/proxy.ts'
import { Pen, setUp } from './browser.ts'

tap.test('an answer that is interrupted', async t => {
  const given = await setUp(t)
  if (!given) return
  const { pair, visit } = given

  t.test('by Stop: the model is stopped, what has arrived stays', async t => {
    const pen = new Pen()
    const { url, service, log } = await pair(t, { '/chat/stream': pen.script })
    const { page, turn, ask, become, offences } = await visit(t, url)
    await ask('Hello')
    await pen.write('Half an ')
    await become('streaming')
    await page.getByRole('button', { name: 'Stop' }).click()
    await become('stopped')
    await pen.dropped()
    t.match(await log.line(({ msg }) => msg === 'resumable answer ended'), { ended: 'stopped' })
    t.equal(await turn.locator('.answer').innerText(), 'Half an')
    t.equal(await page.evaluate('document.activeElement.id'), 'prompt', 'the next question can be typed at once')

    await page.reload()
    await become('stopped')
    t.equal(await turn.locator('.answer').innerText(), 'Half an')
    t.equal(service.asked().length, 1)
    t.strictSame(offences, [])
  })

  t.test('by Stop before the first word, too', async t => {
    const pen = new Pen()
    const { url } = await pair(t, { '/chat/stream': pen.script })
    const { page, ask, become } = await visit(t, url)
    await ask('Hello')
    await pen.reply
    await page.keyboard.press('Escape')
    await become('stopped')
    await pen.dropped()
  })

  t.test('by a lost network goes on where it was, without a byte lost or doubled', async t => {
    const pen = new Pen()
    const { port, service } = await pair(t, { '/chat/stream': pen.script })
    const network = await proxy(t, port)
    const { turn, ask, become, offences } = await visit(t, network.url)
    await ask('Hello')
    await pen.write('Grüße ')
    await become('streaming')
    for (const piece of ['aus ', 'Köln ']) {
      network.target = undefined
      network.cut()
      await become('reconnecting')
      await pen.write(piece)
      network.target = port
      await become('streaming')
    }
    await pen.end('🌍')
    await become('done')
    t.equal(await turn.locator('.answer').innerText(), 'Grüße aus Köln 🌍')
    t.equal(service.asked().length, 1)
    t.strictSame(offences, [])
  })

  t.test('by a network that does not come back for long can be read on later', async t => {
    const pen = new Pen()
    const { port, service } = await pair(t, { '/chat/stream': pen.script })
    const network = await proxy(t, port)
    const { page, turn, ask, become } = await visit(t, network.url)
    await ask('Hello')
    await pen.write('Half ')
    await become('streaming')
    network.target = undefined
    network.cut()
    await become('reconnecting')
    // A browser that believes to be online again has the client try at once.
    await page.evaluate('window.hope = setInterval(() => dispatchEvent(new Event("online")), 20)')
    await become('error')
    t.match(await turn.locator('.trouble').innerText(), /^No connection to the gateway/)
    network.target = port
    await pen.end('an answer')
    await turn.getByRole('button', { name: 'Read on' }).click()
    await become('done')
    t.equal(await turn.locator('.answer').innerText(), 'Half an answer')
    t.equal(await turn.locator('.trouble').count(), 0)
    t.equal(service.asked().length, 1)
  })

  t.test('by a reload goes on where it was, without a byte lost or doubled', async t => {
    const pen = new Pen()
    const { url, service } = await pair(t, { '/chat/stream': pen.script })
    const { page, turn, ask, become, offences } = await visit(t, url)
    await ask('Hello')
    await pen.write('One, *two')
    await become('streaming')
    await page.reload()
    await become('streaming')
    await page.reload()
    await pen.end(', three*, four')
    await become('done')
    t.equal(await turn.locator('.answer').innerText(), 'One, two, three, four')
    t.equal(await turn.locator('em').innerText(), 'two, three')
    t.equal(service.asked().length, 1)
    t.strictSame(offences, [])
  })

  t.test('by a reload before its first word, once the gateway has named it', async t => {
    const pen = new Pen()
    const { url, service } = await pair(t, { '/chat/stream': pen.script }, { SSE_HEARTBEAT_MS: '10' })
    const { page, turn, ask, become, until } = await visit(t, url)
    await ask('Hello')
    await until('JSON.stringify({ ...localStorage }).includes("streamId")')
    await page.reload()
    await pen.end('At last.')
    await become('done')
    t.equal(await turn.locator('.answer').innerText(), 'At last.')
    t.equal(service.asked().length, 1)
  })

  t.test('by a reload before the gateway has named it is given up, and can be asked for again', async t => {
    const pen = new Pen()
    const { url, service } = await pair(t, { '/chat/stream': pen.script })
    const { page, turn, ask, become } = await visit(t, url)
    await ask('Hello')
    await pen.reply
    await page.reload()
    await become('error')
    t.match(await turn.locator('.trouble').innerText(), /^The page was left in the middle/)
    await pen.dropped()
    const again = new Pen()
    service.scripts['/chat/stream'] = again.script
    await turn.getByRole('button', { name: 'Try again' }).click()
    await again.end('Here.')
    await become('done')
    t.equal(await turn.locator('.answer').innerText(), 'Here.')
  })

  t.test('where nothing can be made resumable is asked for all the same; a reload says that it is lost', async t => {
    const pen = new Pen()
    const { url, service } = await pair(t, { '/chat/stream': pen.script }, { RESUME_MAX_BYTES: '0' })
    const { page, turn, ask, become } = await visit(t, url)
    await ask('Hello')
    await pen.write('Half ')
    await become('streaming')
    await page.reload()
    await become('error')
    t.match(await turn.locator('.trouble').innerText(), /^The page was left in the middle/)
    t.equal(await turn.locator('.answer').innerText(), 'Half')
    await pen.dropped()
    const again = new Pen()
    service.scripts['/chat/stream'] = again.script
    await turn.getByRole('button', { name: 'Try again' }).click()
    await again.end('Whole.')
    await become('done')
    t.equal(await turn.locator('.answer').innerText(), 'Whole.')
  })

  t.test('and that the gateway has forgotten meanwhile says so, and keeps what there is', async t => {
    const pen = new Pen()
    const { url, log } = await pair(t, { '/chat/stream': pen.script }, { RESUME_TTL_MS: '0' })
    const { page, turn, ask, become, offences } = await visit(t, url)
    await ask('Hello')
    await pen.write('Half an')
    await become('streaming')
    await page.goto('about:blank')
    await pen.end(' answer')
    await log.line(({ msg }) => msg === 'resumable answer ended')
    await page.goto(url)
    await become('error')
    t.match(await turn.locator('.trouble').innerText(), /^The gateway no longer has this answer/)
    t.equal(await turn.locator('.answer').innerText(), 'Half an')
    t.strictSame(offences, [])
  })
})
