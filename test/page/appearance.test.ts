import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import type { Page } from 'playwright-core'
import tap from 'tap'
import { type Proxy, proxy } from '../client/proxy.ts'
import { json } from '../helper.ts'
import { Pen, setUp, type Visit } from './browser.ts'

const axe = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')

/** The directory for pictures of what is tested here, when somebody wants some (docs/page.md), and which. */
const { SCREENSHOTS } = process.env
const PICTURES = ['empty-light-1440', 'streaming-light-1440', 'streaming-light-320', 'reconnecting-light-1440', 'error-light-320', 'details-light-1440', 'details-dark-1440']

const WIDE = { width: 1440, height: 900 }
const NARROW = { width: 320, height: 640 }

/** An answer with everything that Markdown has. */
const ANSWER = `A **closure** is a function that remembers the variables of the place where it was made, even when it is called from somewhere else.

### A counter

\`\`\`js
function counter (start = 0) {
  let count = start
  return () => count++          // remembers its own \`count\`
}

const next = counter(10)
next() // 10
next() // 11
\`\`\`

- Each call of \`counter\` makes a *new* variable.
- Nobody else can reach it, which makes closures a way to keep state_private.
  1. See [MDN](https://developer.mozilla.org/docs/Web/JavaScript/Closures), or
  2. ~~guess~~ try it.

> Functions close over variables, not over values.

| language | closures | since |
|---|---|---|
| Scheme | yes | 1975 |
| Java | yes, of final variables | 2014 |
`

/** Writes text as a model does, token by token; all at once where nobody makes pictures of it. */
async function tokens (pen: Pen, text: string): Promise<void> {
  for (const token of text.split(/(?<=\s)/)) {
    await pen.write(token)
    if (SCREENSHOTS) await new Promise(resolve => setTimeout(resolve, 8 + 40 * Math.random() ** 3))
  }
}

/** What leads to a state. */
interface Scene extends Visit {
  readonly pen: Pen
  readonly network: Proxy
}

/** The states that a person can see. */
const states: Record<string, (scene: Scene) => Promise<void>> = {
  empty: async () => {},
  waiting: async ({ ask, become }) => {
    await ask('What is a closure?')
    await become('waiting')
  },
  streaming: async ({ ask, become, turn, pen }) => {
    await ask('What is a closure?')
    await tokens(pen, ANSWER.slice(0, 525))
    await become('streaming')
    await turn.locator('ol li').first().waitFor()
  },
  reconnecting: async ({ ask, become, pen, network }) => {
    await ask('What is a closure?')
    await tokens(pen, ANSWER.slice(0, 140))
    await become('streaming')
    network.target = undefined
    network.cut()
    await become('reconnecting')
  },
  stopped: async ({ page, ask, become, pen }) => {
    await ask('What is a closure?')
    await tokens(pen, ANSWER.slice(0, 140))
    await become('streaming')
    await page.keyboard.press('Escape')
    await become('stopped')
  },
  details: async ({ page, ask, become, pen }) => {
    await page.getByRole('button', { name: 'Details' }).click()
    await ask('What is a closure?')
    await tokens(pen, ANSWER)
    await pen.end()
    await become('done')
  },
  error: async ({ ask, become, pen }) => {
    pen.script = json(429, { error: 'slow down', errorType: 'rate_limited' }, { 'retry-after': '30' })
    await ask('What is a closure?')
    await become('error')
  },
  key: async ({ page }) => {
    await page.getByRole('button', { name: 'Key' }).click()
  }
}

tap.test('what the page looks like', async t => {
  const given = await setUp(t)
  if (!given) return
  const { pair, visit } = given

  for (const [state, lead] of Object.entries(states)) {
    t.test(`${state}: nothing that axe complains of in light and dark, and no horizontal scrolling on wide and narrow screens`, async t => {
      const pen = new Pen()
      const { port } = await pair(t, { '/chat/stream': (reply, request) => pen.script(reply, request), '/models': json(200, { models: [{ id: 'gpt-x', name: 'GPT-X' }] }) })
      const network = await proxy(t, port)
      const visitor = await visit(t, network.url, { viewport: WIDE, reducedMotion: 'reduce' })
      const { page, offences } = visitor
      await lead({ ...visitor, pen, network })
      await page.evaluate(axe)
      for (const viewport of [WIDE, NARROW]) {
        await page.setViewportSize(viewport)
        t.equal(await page.evaluate('document.documentElement.scrollWidth - document.documentElement.clientWidth'), 0, `${viewport.width} px`)
        for (const colorScheme of ['light', 'dark'] as const) {
          await page.emulateMedia({ colorScheme })
          t.strictSame(await complaints(page), [], `${viewport.width} px, ${colorScheme}`)
          const picture = `${state}-${colorScheme}-${viewport.width}`
          if (SCREENSHOTS && PICTURES.includes(picture)) await page.screenshot({ path: `${SCREENSHOTS}/${picture}.png` })
        }
      }
      t.strictSame(offences, [])
    })
  }
})

/** What axe finds wrong with a page. */
async function complaints (page: Page): Promise<unknown> {
  return await page.evaluate('axe.run().then(({ violations }) => violations.map(({ id, nodes }) => [id, ...nodes.map(({ failureSummary, html }) => [failureSummary, html])]))')
}
