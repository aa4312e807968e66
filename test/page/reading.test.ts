import tap from 'tap'
import { proxy } from '../client/proxy.ts'
import { json, streams } from '../helper.ts'
import { Pen, setUp, told } from './browser.ts'

const PHONE = { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true }
const AT_END = '(({ scrollHeight, scrollTop, clientHeight }) => scrollHeight - scrollTop - clientHeight < 2)(document.documentElement)'
const FRAMES = 'new Promise(resolve => requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(resolve))))'

// A dozen things that a person does, one after the other, on a machine that may have other work.
tap.setTimeout(300_000)

tap.test('reading and writing, as a person does', async t => {
  const given = await setUp(t)
  if (!given) return
  const { pair, visit } = given
  const { url, port, service } = await pair(t, {}, { RATE_LIMIT_MAX: '10000' })
  /** Has the service answer every question from now on. */
  const answer = (script = streams('Fine.')): void => { service.scripts['/chat/stream'] = script }
  /** The latest prompt that the service was asked. */
  const prompt = (): unknown => service.asked().at(-1)?.json.prompt
  t.beforeEach(() => {
    answer()
    service.scripts['/models'] = json(200, { models: [{ id: 'gpt-x', name: 'GPT-X' }, { id: 'gpt-y', name: 'GPT-Y' }] })
  })

  t.test('a long text that is pasted is a card, nothing of it is lost, and what does not fit is said before anything is sent', async t => {
    const { page, turn, become, offences } = await visit(t, url, { permissions: ['clipboard-read', 'clipboard-write'] })
    const text = `${'line of text '.repeat(2_308)}end.`
    await page.evaluate(`navigator.clipboard.writeText(${JSON.stringify(text)})`)
    await page.keyboard.type('What is this?')
    await page.keyboard.press('Control+V')
    await page.getByText('Pasted text · 30,008 characters').waitFor()
    t.equal(await page.getByLabel('Your question').inputValue(), 'What is this?')
    await page.getByText('30,044 of 20,000 characters: 10,044 do not fit.').waitFor()
    const asked = service.asked().length
    await page.keyboard.press('Enter')
    await page.reload()
    await page.getByText('Pasted text · 30,008 characters').waitFor()
    t.equal(await page.getByLabel('Your question').inputValue(), 'What is this?', 'nothing was sent, and a reload loses nothing')
    t.equal(service.asked().length, asked)
    await page.getByRole('button', { name: 'Send what fits' }).click()
    await become('done')
    t.ok(prompt() === `What is this?\n\nPasted text:\n\`\`\`\n${text}`.slice(0, 20_000).trim())
    t.ok((await turn.locator('.prompt').boundingBox())?.height ?? 999 < 250, 'it does not fill the screen')
    t.strictSame(offences, [])
  })

  t.test('a counter shows near the limit, and says what is over it', async t => {
    const { page, become } = await visit(t, url)
    const box = page.getByLabel('Your question')
    await box.fill('a'.repeat(15_999))
    t.equal(await page.locator('#counter').innerText(), '')
    await box.fill('a'.repeat(16_000))
    await page.getByText('16,000 of 20,000 characters').waitFor()
    await box.fill('🌍'.repeat(20_001))
    await page.getByText('20,001 of 20,000 characters: 1 do not fit').waitFor()
    await box.fill('a'.repeat(20_000))
    await page.getByText('20,000 of 20,000 characters').waitFor()
    await page.keyboard.press('Enter')
    await become('done')
    t.ok(prompt() === 'a'.repeat(20_000), 'the last one that fits is sent')
  })

  t.test('text files that are dropped go along with the question; what is no text does not', async t => {
    const { page, become } = await visit(t, url)
    const drop = async (where: string, name: string, bytes: number[]): Promise<void> => {
      const files = await page.evaluateHandle(`{ const files = new DataTransfer(); files.items.add(new File([new Uint8Array(${JSON.stringify(bytes)})], ${JSON.stringify(name)})); files }`)
      await page.locator(where).dispatchEvent('drop', { dataTransfer: files })
    }
    await drop('#prompt', 'a.md', [...Buffer.from('Ein ```Zaun```')])
    await page.getByText('a.md · 14 characters').waitFor()
    await drop('#empty', 'b.txt', [...Buffer.from('B')])
    await page.getByText('b.txt · 1 characters').waitFor()
    for (const bytes of [[0xff, 0xfe], [65, 0, 66]]) {
      await drop('#prompt', 'c.bin', bytes)
      await page.locator('#counter', { hasText: 'c.bin is not a text file' }).waitFor()
      await page.getByLabel('Your question').fill('Why?')
    }
    await page.getByRole('button', { name: 'Remove b.txt' }).click()
    await page.keyboard.press('Enter')
    await become('done')
    t.equal(prompt(), 'Why?\n\na.md:\n````\nEin ```Zaun```\n````')
    t.equal(await page.locator('.card').count(), 0)
  })

  t.test('what is being written, mode and model survive a reload', async t => {
    const { page, become } = await visit(t, url)
    await page.locator('#model option', { hasText: 'GPT-Y' }).waitFor({ state: 'attached' })
    await page.getByLabel('Model').selectOption('GPT-Y')
    await page.getByLabel('Mode', { exact: true }).selectOption('Project')
    await page.getByLabel('Your question').fill('Half a ques')
    await page.reload()
    t.equal(await page.getByLabel('Your question').inputValue(), 'Half a ques')
    await page.locator('#model option', { hasText: 'GPT-Y' }).waitFor({ state: 'attached' })
    await page.keyboard.press('Enter')
    await become('done')
    t.match(service.asked().at(-1)?.json, { mode: 'project-helper', model: 'gpt-y' })
    await page.reload()
    t.equal(await page.getByLabel('Your question').inputValue(), '', 'what was sent is not kept')
  })

  t.test('one question can wait while an answer is written, and is asked when it has ended', async t => {
    const pen = new Pen()
    answer(pen.script)
    const { page, ask, become, until } = await visit(t, url)
    await ask('First')
    await pen.write('Half')
    await become('streaming')
    await ask('Second')
    await page.getByText('Next: Second').waitFor()
    await ask('Third')
    t.equal(await page.getByLabel('Your question').inputValue(), 'Third', 'only one waits')
    await page.locator('#counter').getByText('One question is waiting already').waitFor()
    answer()
    await pen.end()
    await until('document.querySelectorAll(\'.turn[data-status="done"]\').length === 2')
    t.match(prompt(), /latest\): Second$/)
    t.equal(await page.getByText('Next:').count(), 0)
  })

  t.test('keys: a sheet of them at ?, a new chat, and ? as a letter where one writes', async t => {
    const { page, ask, become } = await visit(t, url)
    await page.keyboard.press('?')
    const sheet = page.getByRole('dialog', { name: 'Shortcuts' })
    await sheet.getByText('Edit the last question').waitFor()
    await page.keyboard.press('Escape')
    await sheet.waitFor({ state: 'hidden' })
    await page.keyboard.type('Why?')
    t.equal(await page.getByLabel('Your question').inputValue(), 'Why?')
    t.equal(await sheet.isVisible(), false)
    await ask('Why?')
    await become('done')
    await page.keyboard.press('Control+Shift+O')
    await page.getByRole('heading', { name: 'Ask something' }).waitFor()
    t.equal(await page.evaluate('document.activeElement.id'), 'prompt')
  })

  t.test('a question is in view when it is asked, although the browser finds out late how high the turns above are', async t => {
    const { page, ask, become, until } = await visit(t, url, { viewport: { width: 800, height: 900 } })
    answer(streams('Line\n\n'.repeat(12)))
    for (const question of ['One', 'Two']) {
      await ask(question)
      await become('done')
    }
    await page.mouse.move(400, 200)
    await page.mouse.wheel(0, -10_000)
    await until('scrollY === 0')
    answer(new Pen().script)
    await ask('Three')
    await become('waiting')
    // The browser has looked at what is in view by the second frame.
    await page.evaluate(FRAMES)
    t.ok(await page.evaluate(AT_END))
    t.equal(await page.getByRole('button', { name: 'Go to the latest words' }).isVisible(), false)
  })

  t.test('what is unfolded at the end of the page stays where it is', async t => {
    const { page, turn, ask, become, until } = await visit(t, url, { viewport: { width: 800, height: 600 } })
    answer(told(['reasoning', { text: 'Let me see.\n\n'.repeat(60) }], ['delta', { text: 'Line\n\n'.repeat(5) }], ['done', {}]))
    await ask('line\n'.repeat(60))
    await become('done')
    for (const label of [/Thought/, 'Show all 60 lines']) {
      await turn.getByText(label).scrollIntoViewIfNeeded()
      const before = await page.evaluate('scrollY')
      await turn.getByText(label).click()
      await until('document.documentElement.scrollHeight > 1200')
      await page.evaluate(FRAMES)
      t.equal(await page.evaluate('scrollY'), before)
      await page.getByRole('button', { name: 'Go to the latest words' }).click()
      await until(AT_END)
    }
  })

  t.test('who presses a control by key is never left at the beginning of the page when it is gone', async t => {
    const { page, turn, become } = await visit(t, url)
    const focused = (): Promise<string> => page.evaluate('document.activeElement.getAttribute("aria-label") ?? document.activeElement.id')
    const press = (name: string): Promise<void> => turn.getByRole('button', { name, exact: true }).press('Enter')
    await page.getByRole('button', { name: 'Explain backpressure' }).press('Enter')
    await become('done')
    t.equal(await focused(), 'prompt')
    await press('Regenerate')
    await turn.getByText('2 / 2').waitFor()
    await become('done')
    t.equal(await focused(), 'prompt')
    await press('Previous version')
    await turn.getByText('1 / 2').waitFor()
    t.equal(await focused(), 'Next version', 'there is none before it')
    await press('Next version')
    await turn.getByText('2 / 2').waitFor()
    t.equal(await focused(), 'Previous version')
    answer(json(500, { error: 'broken', errorType: 'sdk' }))
    await press('Regenerate')
    await become('error')
    answer()
    await press('Try again')
    await become('done')
    t.equal(await focused(), 'prompt')
    await page.getByRole('button', { name: 'Delete' }).press('Enter')
    await page.getByRole('button', { name: 'Undo' }).press('Enter')
    await turn.waitFor()
    t.equal(await focused(), 'prompt')
  })

  t.test('a finger that presses a control brings up no keyboard', async t => {
    const { page, become } = await visit(t, url, PHONE)
    await page.evaluate('document.activeElement.blur()')
    await page.getByRole('button', { name: 'Explain backpressure' }).tap()
    await become('done')
    t.equal(await page.evaluate('document.activeElement.id'), '')
  })

  t.test('the drawer of conversations is closed by pressing beside it, and not by what is done in it', async t => {
    const { page, ask, become } = await visit(t, url, PHONE)
    await ask('Hello')
    await become('done')
    const search = page.getByLabel('Search conversations')
    await page.getByRole('button', { name: 'Conversations' }).tap()
    await search.waitFor()
    await page.getByRole('button', { name: 'Delete' }).tap()
    await page.getByRole('button', { name: 'Undo' }).waitFor()
    t.equal(await search.isVisible(), true)
    await page.touchscreen.tap(380, 300)
    await search.waitFor({ state: 'hidden' })
  })

  t.test('an answer is said without the buttons in it, and one that has no word has nothing to copy', async t => {
    const { page, turn, ask, become, until } = await visit(t, url)
    answer(streams('See:\n\n```js\ngo()\n```\n'))
    await ask('Hello')
    await become('done')
    await until('document.querySelector("#announcer").textContent.startsWith("The answer")')
    t.equal(await page.locator('#announcer').textContent(), 'The answer: See:\ngo()')
    await turn.getByRole('button', { name: 'Copy code' }).waitFor()
    await turn.getByText('See:').dblclick({ position: { x: 8, y: 12 } })
    t.match(await page.evaluate('String(getSelection())'), 'See', 'what is selected stays so')
    answer(new Pen().script)
    await ask('Wait')
    await become('waiting')
    await page.keyboard.press('Escape')
    await become('stopped')
    await turn.getByRole('button', { name: 'Regenerate', exact: true }).waitFor()
    t.equal(await turn.getByRole('button', { name: 'Copy answer' }).count(), 0)
  })

  t.test('where nothing was asked yet there is nothing to export, which is said', async t => {
    const { page } = await visit(t, url)
    await page.getByRole('button', { name: 'Export' }).click()
    await page.locator('#undo').getByText('Nothing was asked here yet').waitFor()
    t.equal(await page.getByRole('dialog').count(), 0)
  })

  t.test('60 pixels of scrolling back hold while an answer is written', async t => {
    const pen = new Pen()
    answer(pen.script)
    const { page, turn, ask, become, until } = await visit(t, url, { viewport: { width: 800, height: 600 } })
    await ask('Hello')
    await pen.write('Line\n\n'.repeat(60))
    await become('streaming')
    await until(`scrollY > 600 && ${AT_END}`)
    const before = await page.evaluate<number>('scrollY')
    await page.mouse.move(400, 200)
    await page.mouse.wheel(0, -60)
    await until(`scrollY === ${before - 60}`)
    await pen.write('More\n\n'.repeat(20))
    await turn.getByText('More').nth(19).waitFor()
    await page.getByRole('button', { name: 'Go to the latest words' }).waitFor()
    t.equal(await page.evaluate('scrollY'), before - 60)
    await page.mouse.wheel(0, 10_000)
    await until(AT_END)
    await pen.write('Even more\n\n'.repeat(20))
    await turn.getByText('Even more').nth(19).waitFor()
    await until(AT_END)
    await pen.end()
    await become('done')
  })

  t.test('a failure is in sight, with all that belongs to it, under what scrolls', async t => {
    const { turn, page, ask, become, until } = await visit(t, url, PHONE)
    answer(streams('Line\n\n'.repeat(60)))
    await ask('Hello')
    await become('done')
    answer(json(429, { error: 'slow down', errorType: 'rate_limited' }, { 'retry-after': '600' }))
    await ask('And now?')
    await become('error')
    await until(AT_END)
    const composer = await page.locator('.box').boundingBox()
    for (const part of [turn.getByRole('heading', { name: 'Too many questions' }), turn.getByRole('button', { name: 'Try again' }), turn.locator('.wait'), turn.locator('.request')]) {
      const place = await part.boundingBox()
      t.ok(place && composer && place.y > 60 && place.y + place.height <= composer.y, await part.innerText())
    }
  })

  t.test('on a phone whatever can be pressed is 44 pixels high', async t => {
    const { page, turn, ask, become } = await visit(t, url, PHONE)
    const small = async (): Promise<unknown> => await page.evaluate(`[...document.querySelectorAll('button, select, summary, input:not([type=file]):not([type=checkbox]), textarea, #rail a')]
      .filter(element => element.checkVisibility() && element.getBoundingClientRect().height < 43.5).map(element => element.outerHTML)`)
    t.strictSame(await small(), [])
    answer(told(['reasoning', { text: 'Hm.' }], ['tool', { id: '1', name: 'look', state: 'done' }], ['delta', { text: 'Do:\n\n```js\ngo()\n```\n' }], ['done', { finishReason: 'length' }]))
    await ask('line\n'.repeat(40))
    await become('error')
    await turn.getByRole('button', { name: 'Regenerate', exact: true }).tap()
    await page.getByText('2 / 2').waitFor()
    await become('error')
    await page.getByLabel('Your question').fill('a'.repeat(20_001))
    t.strictSame(await small(), [])
    await page.getByRole('button', { name: 'Details' }).tap()
    t.strictSame(await small(), [])
    await page.locator('#details-close').tap()
    await page.getByRole('button', { name: 'Conversations' }).tap()
    await page.getByRole('button', { name: 'Export' }).tap()
    t.strictSame(await small(), [])
  })

  t.test('every block is set from its own side; code is not', async t => {
    const { page, ask, become } = await visit(t, url)
    answer(streams('# مرحبا\n\nשלום עולם\n\nLeft.\n\n- أهلا\n- left\n\n```\nשלום\n```\n'))
    await ask('مرحبا')
    await become('done')
    const sides = async (selector: string): Promise<string[]> => await page.evaluate(`[...document.querySelectorAll('.turn ${selector}')].map(element => getComputedStyle(element).direction)`)
    t.strictSame(await sides('.prompt'), ['rtl'])
    t.strictSame(await sides('.answer > :is(h3, p, ul)'), ['rtl', 'rtl', 'ltr', 'rtl'])
    t.strictSame(await sides('pre'), ['ltr'])
    await page.getByLabel('Your question').fill('שלום')
    t.equal(await page.evaluate('getComputedStyle(document.querySelector("#prompt")).direction'), 'rtl')
  })

  t.test('a wide table on a phone is scrolled by itself, and no word of it is broken', async t => {
    const { page, ask, become } = await visit(t, url, PHONE)
    const cell = 'an extraordinarily uncharacteristically long'
    answer(streams(`| ${Array(6).fill('Responsibilities').join(' | ')} |\n|${'---|'.repeat(6)}\n| ${Array(6).fill(cell).join(' | ')} |\n`))
    await ask('Hello')
    await become('done')
    const [inner, outer] = await page.evaluate<number[]>('(({ scrollWidth, clientWidth }) => [scrollWidth, clientWidth])(document.querySelector(".scroller"))')
    t.ok(inner && outer && inner > outer)
    t.equal(await page.evaluate('document.documentElement.scrollWidth - document.documentElement.clientWidth'), 0)
    const broken = await page.evaluate(`[...document.querySelectorAll('td, th')].flatMap(({ firstChild }) => [...firstChild.data.matchAll(/\\S+/g)].filter(({ 0: word, index }) => {
      const range = document.createRange()
      range.setStart(firstChild, index)
      range.setEnd(firstChild, index + word.length)
      return range.getClientRects().length > 1
    }).map(([word]) => word))`)
    t.strictSame(broken, [])
  })

  t.test('a question of 600 lines is folded, and unfolds', async t => {
    const { page, turn, ask, become } = await visit(t, url)
    await ask(Array.from({ length: 600 }, (_, index) => `line ${index}`).join('\n'))
    await become('done')
    const height = async (): Promise<number> => (await turn.locator('.prompt').boundingBox())?.height ?? 0
    t.ok(await height() < 250)
    await page.getByRole('button', { name: 'Show all 600 lines' }).click()
    t.ok(await height() > 5_000)
    await page.getByRole('button', { name: 'Show less' }).click()
    t.ok(await height() < 250)
  })

  t.test('what the model thought is folded, its tools are a line each, and the details say why it ended and what it took', async t => {
    const { page, turn, ask, become, offences } = await visit(t, url)
    answer(told(
      ['reasoning', { text: 'Let me *see*.' }],
      ['tool', { id: '1', name: 'read_file', state: 'running', input: { path: 'a.ts' } }],
      ['tool', { id: '1', name: 'read_file', state: 'done', output: 'export {}' }],
      ['tool', { id: '2', name: 'search', state: 'failed', input: { text: 'b' } }],
      ['delta', { text: 'Here.' }],
      ['done', { finishReason: 'stop', usage: { inputTokens: 1_234, outputTokens: 56, reasoningTokens: 7, cachedInputTokens: 8 }, model: 'gpt-x-2' }]
    ))
    await ask('Hello')
    await become('done')
    await page.getByRole('button', { name: 'Details' }).click()
    for (const reloaded of [false, true]) {
      if (reloaded) await page.reload()
      if (reloaded) await page.getByRole('button', { name: 'Details' }).click()
      const reasoning = turn.getByText('Let me see.')
      t.equal(await reasoning.isVisible(), false)
      await turn.getByText(/Thought for \d+ s/).click()
      await reasoning.waitFor()
      t.strictSame(await page.evaluate('[...document.querySelectorAll(".tool")].map(({ innerText, open }) => [innerText.split(/\\s+/).join(" "), open])'), [['read_file done', false], ['search failed', false]])
      await turn.locator('.tool summary').first().click()
      t.match(await turn.locator('.tool').first().innerText(), /"path": "a\.ts"[^]*export \{\}/)
      t.match(await page.locator('#facts').innerText(), /Status\s+done\s+Finish reason\s+stop\s+Model\s+gpt-x-2\s+Input tokens\s+1234, 8 cached\s+Output tokens\s+56, 7 for thinking/)
    }
    t.strictSame(offences, [])
  })

  t.test('a lost connection says which try comes when, and can be hurried', async t => {
    const pen = new Pen()
    answer(pen.script)
    const network = await proxy(t, port)
    const { page, turn, ask, become } = await visit(t, network.url)
    await ask('Hello')
    await pen.write('Half ')
    await become('streaming')
    network.target = undefined
    network.cut()
    await become('reconnecting')
    await turn.getByText(/try \d+ of 10/).waitFor()
    const again = turn.getByRole('button', { name: 'Try now' })
    await page.clock.install()
    for (let attempt = 2; attempt < 6; attempt++) {
      await again.click()
      await turn.getByText(new RegExp(`try (${attempt}|${attempt + 1}|${attempt + 2}) of 10`)).waitFor()
    }
    await turn.getByText(/in \d+ s/).waitFor()
    network.target = port
    await again.click()
    await become('streaming')
    t.equal(await again.count(), 0)
    await pen.end('an answer')
    await become('done')
  })

  t.test('a page without a network says so, wherever it is scrolled to', async t => {
    const { page, ask, become } = await visit(t, url)
    answer(streams('Line\n\n'.repeat(60)))
    await ask('Hello')
    await become('done')
    await page.context().setOffline(true)
    const banner = page.getByText('You are offline')
    await banner.waitFor()
    const place = await banner.boundingBox()
    t.ok(place && place.y >= 0 && place.y < 200)
    await page.context().setOffline(false)
    await banner.waitFor({ state: 'hidden' })
  })

  t.test('code is highlighted, wraps when wanted, and keeps its head in sight', async t => {
    const { page, turn, ask, become, until } = await visit(t, url)
    answer(streams(`\`\`\`ts\nconst text: string = '${'long '.repeat(60)}'\n${'call(1) // once more\n'.repeat(80)}\`\`\`\n\n\`\`\`nobodyknows\n<b>\n\`\`\`\n`))
    await ask('Hello')
    await become('done')
    t.strictSame(await turn.locator('.language').allInnerTexts(), ['ts', 'nobodyknows'])
    t.equal(await turn.locator('.hljs-keyword').first().innerText(), 'const')
    t.ok(await turn.locator('.hljs-comment').count() >= 80)
    const wide = async (): Promise<boolean> => await page.evaluate('(({ scrollWidth, clientWidth }) => scrollWidth > clientWidth)(document.querySelector("pre"))')
    t.equal(await wide(), true)
    await turn.getByRole('button', { name: 'Wrap' }).first().click()
    t.equal(await wide(), false)
    await page.evaluate('scrollTo(0, 900)')
    await until('scrollY === 900')
    const place = await turn.locator('.code-head').first().boundingBox()
    t.ok(place && place.y > 30 && place.y < 80, 'under the bar')
    t.equal(await page.evaluate('document.querySelectorAll("[style]").length'), 0)
  })

  t.test('200 turns are as quick as 10, and a reload shows them at once', async t => {
    const { page, until } = await visit(t, url)
    const took: Record<string, number> = {}
    for (const count of [10, 200]) {
      await page.evaluate(`{
        localStorage.clear()
        const said = ${JSON.stringify('An answer with *some* `code`.\n\n- one\n- two\n\n```js\nconst a = 1\n```\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n'.repeat(4))}
        localStorage.setItem('copilot-stream-gateway:chat:c', JSON.stringify({ id: 'c', title: 'Many', updated: 1 }))
        for (let n = 0; n < ${count}; n++) localStorage.setItem('copilot-stream-gateway:turn:c:' + n, JSON.stringify({ id: String(n), chat: 'c', asked: n, prompt: 'Question ' + n, answer: said, state: 'done', ...n > 0 && { parent: String(n - 1) } }))
        location.hash = '#/c/c'
      }`)
      await page.reload()
      await until('document.querySelectorAll(\'.turn[data-status="done"]\').length > 5 && document.querySelector(\'.turn:last-child .answer table\')')
      took[`reload of ${count}`] = await page.evaluate('performance.now()')
      await until(`document.querySelectorAll('.turn[data-status="done"]').length === ${count}`)
      took[`all of ${count}`] = await page.evaluate('performance.now()')
      // By the page's own clock: finding things in a long page takes the test longer than the page.
      took[`turn behind ${count}`] = await page.evaluate(`new Promise(resolve => {
        const begun = performance.now()
        const box = document.querySelector('#prompt')
        box.value = 'Another?'
        box.dispatchEvent(new KeyboardEvent('keydown', { key: 'Enter', bubbles: true, cancelable: true }))
        const look = () => document.querySelector('.turn:nth-child(${count + 1})[data-status="done"]') ? resolve(performance.now() - begun) : requestAnimationFrame(look)
        look()
      })`)
      t.equal(await page.locator('.turn').count(), count + 1)
    }
    t.comment(Object.entries(took).map(([what, time]) => `${what}: ${Math.round(time)} ms`).join(', '))
  })
})
