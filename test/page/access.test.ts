import tap from 'tap'
import { EXAMPLES } from '../../copilot/engines/demo-scripts.ts'
import { json } from '../helper.ts'
import { Pen, setUp } from './browser.ts'

tap.test('the page without a mouse, and without eyes', async t => {
  const given = await setUp(t)
  if (!given) return
  const { pair, visit } = given

  t.test('everything is reached by Tab, in the order of what is seen, and shows that it has the focus', async t => {
    const { url } = await pair(t, { '/models': json(200, { models: [] }) })
    const { page, offences } = await visit(t, url)
    t.equal(await page.evaluate('document.activeElement.id'), 'prompt', 'one can type at once')
    await page.evaluate('document.activeElement.blur(); getSelection().removeAllRanges()')
    await page.locator('.skip').focus()
    const order = []
    for (let step = 0; step < 15; step++) {
      order.push(await page.evaluate('document.activeElement.id || document.activeElement.textContent'))
      t.not(await page.evaluate('(element => [element, element.closest(".box") ?? element].map(node => getComputedStyle(node).outlineStyle).find(style => style !== "none") ?? "none")(document.activeElement)'), 'none', 'visible focus')
      await page.keyboard.press('Tab')
    }
    t.strictSame(order, ['Skip to the question', 'key', 'details-toggle', 'new-chat', 'search', 'export-chat', 'import-chat', 'shortcuts-toggle', ...EXAMPLES.keys(), 'prompt', 'mode', 'model', 'send'])
    t.strictSame(offences, [])
  })

  t.test('Enter sends, Shift+Enter begins a line, Enter of an input method does neither, Escape stops', async t => {
    const pen = new Pen()
    const { url, service } = await pair(t, { '/chat/stream': pen.script })
    const { page, become } = await visit(t, url)
    await page.keyboard.press('Enter')
    await page.keyboard.type('One')
    await page.keyboard.press('Shift+Enter')
    await page.keyboard.type('Two')
    await page.locator('#prompt').evaluate('element => element.dispatchEvent(new KeyboardEvent("keydown", { key: "Enter", isComposing: true, bubbles: true, cancelable: true }))')
    t.equal(await page.locator('#prompt').inputValue(), 'One\nTwo')
    await page.keyboard.press('Enter')
    await pen.write('Half')
    await become('streaming')
    await page.keyboard.type('The next one')
    await page.keyboard.press('Enter')
    await page.getByText('Next: The next one').waitFor()
    await page.keyboard.press('Escape')
    await become('stopped')
    t.equal(await page.locator('#prompt').inputValue(), 'The next one', 'what waited for a whole answer is given back')
    t.strictSame(service.asked().map(({ json }) => json.prompt), ['One\nTwo'])
  })

  t.test('the drawer and the dialog take the focus, Escape closes them, and gives it back', async t => {
    const pen = new Pen()
    const { url } = await pair(t, { '/chat/stream': pen.script })
    const { page, ask, become } = await visit(t, url)
    await ask('Hello')
    await pen.write('Half')
    await become('streaming')
    const focused = (): Promise<unknown> => page.evaluate('document.activeElement.id')
    await page.locator('#details-toggle').focus()
    await page.keyboard.press('Enter')
    t.equal(await focused(), 'details-close')
    await page.keyboard.press('Escape')
    t.equal(await focused(), 'details-toggle')
    t.equal(await page.locator('#details').isVisible(), false)
    await page.locator('#key').focus()
    await page.keyboard.press('Enter')
    t.equal(await focused(), 'credential')
    await page.keyboard.press('Escape')
    await page.locator('#credentials').waitFor({ state: 'hidden' })
    t.equal(await focused(), 'key')
    await become('streaming')
    await pen.end()
    await become('done')
  })

  t.test('a screen reader is told states and the finished answer, not every word', async t => {
    const pen = new Pen()
    const { url } = await pair(t, { '/chat/stream': pen.script })
    const { page, turn, ask, become } = await visit(t, url)
    await page.evaluate('said = []; new MutationObserver(() => said.push(announcer.textContent)).observe(announcer, { childList: true, characterData: true, subtree: true })')
    await ask('Hello')
    for (const word of ['Many ', '**small** ', 'words ', 'in ', 'a ', 'row.']) {
      await pen.write(word)
      await turn.locator('.answer', { hasText: word.replaceAll(/\W/g, '') }).waitFor()
    }
    t.equal(await turn.locator('.answer').getAttribute('aria-busy'), 'true')
    await pen.end()
    await become('done')
    t.strictSame(await page.evaluate('said'), ['Waiting for the first word', 'Writing', 'The answer: Many small words in a row.'])
    t.equal(await turn.locator('.answer').getAttribute('aria-busy'), 'false')
    t.equal(await page.locator('[aria-live], [role=status], [role=log], [role=alert]').count(), 1)
  })

  t.test('nothing moves for who wants no motion', async t => {
    const pen = new Pen()
    const { url } = await pair(t, { '/chat/stream': pen.script })
    const { page, ask, become } = await visit(t, url, { reducedMotion: 'reduce', forcedColors: 'active' })
    await ask('Hello')
    await become('waiting')
    t.equal(await page.evaluate('document.getAnimations().length'), 0)
  })
})
