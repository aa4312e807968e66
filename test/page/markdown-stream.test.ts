import { equal } from 'node:assert/strict'
import { createRequire } from 'node:module'
import { build } from 'esbuild'
import fc from 'fast-check'
import tap from 'tap'
import { setUp } from './browser.ts'

/** Ordinary answers with what a parser may get wrong while they arrive, and what they have to become. */
const SAMPLES: ReadonlyArray<readonly [string, string]> = [
  ['~~~js\na < b\n~~~\n', 'pre > code'],
  ['1. one\n\n   ```py\n   x = 1\n   ```\n\n2. two\n', 'ol > li:first-child .code'],
  ['1) one\n2) two\n', 'ol > li:nth-child(2)'],
  ['3. three\n4. four\n', 'ol[start="3"]'],
  ['Set $HOME and $PATH, then *go*.\n', 'p > em'],
  ['Title\n=====\n\nSub\n---\n\ntext\n', 'h3 + h4 + p'],
  ['| a | b | c |\n|:--|:-:|--:|\n| 1 | x \\| y | `p \\| q` |\n', 'th[data-align="left"] + th[data-align="center"] + th[data-align="right"]'],
  ['[a (b)](https://example.com/a_(b)) and https://example.com/c.\n', 'a[href="https://example.com/a_(b)"] ~ a[href="https://example.com/c"]'],
  ['A note[^1] and more.\n\n[^1]: The *note*.\n', 'p > sup'],
  ['- [ ] to do\n- [x] done\n  - nested\n\n  loose\n', 'ul > li .task'],
  ['See [this][ref] and [ref].\n\nMore.\n\n[ref]: https://example.com/later "T"\n', 'p > a[href="https://example.com/later"]'],
  ['&copy; &lt;b&gt; &amp;amp; <b>no</b> a<br>b\n', 'p > br'],
  ['~~gone~~ **bold** ***both***\n\n> quote\n> - list\n>\n> more\n\n---\n\n    code\n', 'blockquote > ul'],
  ['\\(a_1 * b_2 * c\\)\n\n$$\nx\n= y\n+ z\n$$\n\nend\n', '.formula > code'],
  ['# مرحبا\n\nשלום\n\n- أهلا\n', 'h3[dir="auto"] + p[dir="auto"] + ul[dir="auto"]']
]

/**
 * Writes what the page makes of Markdown, and what CommonMark wants, in one form: without the frames of code, without the levels of
 * headings, which the page has its own, and with the links and images that the page allows.
 */
const COMPARE = `
  const same = { H1: 'h', H2: 'h', H3: 'h', H4: 'h', H5: 'h', H6: 'h' }
  const blocks = 'BLOCKQUOTE BR DIV H1 H2 H3 H4 H5 H6 HR LI OL P PRE UL'.split(' ')
  function write (node) {
    if (!(node instanceof Element || node instanceof Text)) return '<!---->'
    if (node instanceof Text) return node.data.replace(/[<>]/g, sign => sign === '<' ? '&lt;' : '&gt;')
    const { tagName } = node
    if (tagName === 'PRE') return '<pre>' + (node.closest('.code') ? node.textContent : node.textContent.replace(/\\n$/, '')) + '</pre>'
    if (tagName === 'IMG') return link(node.getAttribute('src'), 'Image: ' + node.alt, node.closest('a'))
    if (node.matches('.code')) return write(node.querySelector('pre'))
    const children = [...node.childNodes]
    const within = children.map((child, index) => {
      const beside = [children[index - 1], children[index + 1]].filter(Boolean)
      // White space between blocks is how HTML is written, and no text.
      if (child instanceof Text && beside.some(({ tagName }) => blocks.includes(tagName))) return write(child).trim()
      return write(child)
    }).join('')
    if (tagName === 'A') return link(node.getAttribute('href'), within)
    if (node.matches('span:not([class]), main')) return within
    const name = same[tagName] ?? tagName.toLowerCase()
    return '<' + name + (node.start > 1 || node.start === 0 ? ' ' + node.start : '') + '>' + (blocks.includes(tagName) ? within.trim() : within) + '</' + name + '>'
  }
  function link (address, text, within) {
    const allowed = !within && URL.canParse(address) && ['http:', 'https:', 'mailto:'].includes(new URL(address).protocol)
    return allowed ? '<a ' + new URL(address).href + '>' + text + '</a>' : text
  }
  async function compare ({ markdown, html }) {
    const root = document.createElement('main')
    const view = new rendering.MarkdownView(root)
    view.append(markdown)
    await view.end()
    const expected = document.createElement('main')
    expected.innerHTML = html
    return [write(root), write(expected)]
  }
  Object.assign(window, { compare })`

/** What is used of Chromium's trace: tasks of a thread, with the processor's time in microseconds. */
interface TraceEvent {
  readonly name: string
  readonly pid: number
  readonly tid: number
  readonly tdur?: number
}

/** The examples of CommonMark's specification. */
const { tests: examples }: { tests: Array<{ number: number, markdown: string, html: string }> } = createRequire(import.meta.url)('commonmark-spec')

/** The numbers of the examples that become something else on purpose: all that have HTML, which stays text, and four more. */
const OTHERWISE = [
  12, // `\\[ … \\]` is a formula, as models write them.
  21, 31, 148, 149, 150, 151, 152, 153, 154, 155, 156, 157, 158, 159, 160, 161, 162, 163, 164, 165, 166, 167, 168, 169, 170, 171, 172, 173, 174, 175, 176,
  177, 178, 179, 180, 181, 182, 183, 184, 185, 186, 187, 188, 189, 190, 191, 201, 308, 309, 344, 475, 476, 477, 491, 494, 524, 536,
  602, 608, 611, // A bare address is a link, as on GitHub.
  613, 614, 615, 616, 617, 623, 625, 626, 627, 628, 629, 630, 631, 642, 643
]

tap.test('Markdown that is rendered while it arrives', async t => {
  const given = await setUp(t)
  if (!given) return
  const { outputFiles } = await build({ stdin: { contents: 'export { MarkdownView } from "./public/markdown.ts"', resolveDir: '.' }, bundle: true, format: 'iife', globalName: 'rendering', write: false })
  const { url } = await given.gateway(t)
  const { page } = await given.visit(t, url)
  // The page's policy is for what it loads by itself.
  await page.evaluate(outputFiles[0]?.text + `
    async function render (pieces) {
      const root = document.createElement('div')
      const view = new rendering.MarkdownView(root)
      for (const piece of pieces) {
        view.append(piece)
        if (pieces.length > 1) await new Promise(requestAnimationFrame)
      }
      await view.end()
      return root
    }
    Object.assign(window, { render })`.replaceAll('globalThis.', 'window.'))

  for (const [source, selector] of SAMPLES) {
    t.test(`becomes what it is meant to be: ${JSON.stringify(source)}`, async t => {
      t.equal(await page.evaluate(`render(${JSON.stringify([source])}).then(root => root.querySelectorAll(':scope ' + ${JSON.stringify(selector)}).length > 0)`), true)
    })
  }

  t.test('is what CommonMark says, but for HTML, which stays text', async t => {
    // A page of its own, because the policy of ours forbids what the expected HTML is parsed with.
    const blank = await page.context().newPage()
    await blank.evaluate(outputFiles[0]?.text + COMPARE)
    const source = JSON.stringify(examples).replaceAll('→', '\\t')
    const results = await blank.evaluate<Array<[rendered: string, expected: string]>>(`Promise.all(${source}.map(compare))`)
    await blank.close()
    const failed = examples.filter((_, index) => results[index]?.[0] !== results[index]?.[1]).map(({ number }) => number)
    t.comment(`${examples.length - failed.length} of ${examples.length} examples`)
    t.strictSame(failed, OTHERWISE)
  })

  t.test('is the same however it was cut', async () => {
    const samples = fc.shuffledSubarray(SAMPLES.map(([source]) => source), { minLength: 2, maxLength: 5 }).map(chosen => chosen.join('\n'))
    await fc.assert(fc.asyncProperty(samples, fc.array(fc.nat(400), { minLength: 1, maxLength: 12 }), async (source, cuts) => {
      const places = [...new Set([0, ...cuts.map(cut => cut % source.length), source.length])].toSorted((one, other) => one - other)
      const pieces = places.slice(1).map((place, index) => source.slice(places[index], place))
      const [once, cut] = await page.evaluate<string[]>(`Promise.all([render(${JSON.stringify([source])}), render(${JSON.stringify(pieces)})]).then(roots => roots.map(root => root.innerHTML))`)
      equal(cut, once)
    }), { seed: 12, numRuns: 40 })
  })

  t.test('leaves nothing out of blocks that are too long to wait for', async t => {
    const long: Array<[string, string, number]> = [
      ['- item\n'.repeat(9_000), 'ul > li', 9_000],
      [`| a | b |\n|---|---|\n${'| 1 | 2 |\n'.repeat(5_000)}`, 'table > tbody > tr', 5_000],
      [`\`\`\`js\n${'call()\n'.repeat(10_000)}\`\`\`\n\nend`, '.code, p', 2],
      ['word '.repeat(50_000), 'p', 1],
      [`${'line\n'.repeat(20_000)}\nend`, 'p', 2],
      ['> quote\n>\n'.repeat(5_000), 'blockquote > p', 5_000]
    ]
    for (const [source, selector, count] of long) {
      const found = await page.evaluate<[number, string?]>(`render([${JSON.stringify(source)}]).then(root => [root.querySelectorAll(${JSON.stringify(selector)}).length, root.querySelector('pre')?.textContent])`)
      t.equal(found[0], count, source.slice(0, 20))
      if (source.startsWith('```')) t.equal(found[1], 'call()\n'.repeat(10_000))
    }
  })

  t.test('takes no task of 200 ms of the processor for 1 MB of it', async t => {
    const mixed = SAMPLES.map(([source]) => source).join('\n')
    const source = mixed.repeat(Math.ceil(1_000_000 / mixed.length))
    const browser = page.context().browser()
    await browser?.startTracing(page, { categories: ['toplevel', 'devtools.timeline'] })
    const blocks = await page.evaluate<number>(`(async () => {
      const root = document.createElement('div')
      root.className = 'answer'
      document.querySelector('#turns').append(root)
      const view = new rendering.MarkdownView(root)
      view.append(${JSON.stringify(source)})
      await view.end()
      return root.querySelectorAll('p, li').length
    })()`)
    // Of the time on the wall, other programs of this machine take their part.
    const { traceEvents }: { traceEvents: TraceEvent[] } = JSON.parse(String(await browser?.stopTracing()))
    const script = traceEvents.find(({ name }) => name === 'FunctionCall')
    const tasks = traceEvents.filter(({ name, pid, tid }) => name.endsWith('RunTask') && pid === script?.pid && tid === script.tid).map(({ tdur = 0 }) => tdur / 1000)
    t.comment(`${source.length} characters, ${blocks} blocks: ${Math.round(tasks.reduce((sum, time) => sum + time, 0))} ms of the processor in all, ${Math.round(Math.max(...tasks))} ms at most in one task`)
    t.ok(blocks > 10_000 && tasks.length > 100)
  })
})
