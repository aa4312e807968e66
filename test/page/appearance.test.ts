import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import type { Page } from 'playwright-core'
import tap, { type Test } from 'tap'
import { json } from '../helper.ts'
import { Pen, setUp, type Visit } from './browser.ts'

const axe = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')

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

/** The states that a person can see, and what leads there. */
const states: Record<string, (t: Test, visit: Visit, pen: Pen) => Promise<void>> = {
  empty: async () => {},
  waiting: async (_t, { ask, become }) => {
    await ask('What is a closure?')
    await become('waiting')
  },
  streaming: async (_t, { ask, become, turn }, pen) => {
    await ask('What is a closure?')
    for (const piece of ANSWER.slice(0, 520).split(/(?<=\s)/)) await pen.write(piece)
    await become('streaming')
    await turn.locator('li').last().waitFor()
  },
  details: async (_t, { page, ask, become }, pen) => {
    await page.getByRole('button', { name: 'Details' }).click()
    await ask('What is a closure?')
    for (const piece of ANSWER.split(/(?<=\s)/)) await pen.write(piece)
    await pen.end()
    await become('done')
  },
  error: async (_t, { ask, become }, pen) => {
    pen.script = json(429, { error: 'slow down', errorType: 'rate_limited' }, { 'retry-after': '30' })
    await ask('What is a closure?')
    await become('error')
  },
  key: async (_t, { page }) => {
    await page.getByRole('button', { name: 'Key' }).click()
  }
}

const looks = [
  { name: 'light', colorScheme: 'light' },
  { name: 'dark', colorScheme: 'dark' }
] as const
const sizes = [
  { width: 1440, height: 900 },
  { width: 320, height: 640 }
]

tap.test('what the page looks like', async t => {
  const given = await setUp(t)
  if (!given) return
  const { pair, visit } = given

  for (const [state, lead] of Object.entries(states)) {
    for (const { name, colorScheme } of looks) {
      t.test(`${state}, ${name}: nothing that axe complains of, and no horizontal scrolling on wide and narrow screens`, async t => {
        const pen = new Pen()
        const { url } = await pair(t, { '/chat/stream': (reply, request) => pen.script(reply, request), '/models': json(200, { models: [{ id: 'gpt-x', name: 'GPT-X' }] }) })
        const visitor = await visit(t, url, { colorScheme, viewport: sizes[0], reducedMotion: 'reduce' })
        const { page, offences } = visitor
        await lead(t, visitor, pen)
        for (const viewport of sizes) {
          await page.setViewportSize(viewport)
          t.equal(await page.evaluate('document.documentElement.scrollWidth - document.documentElement.clientWidth'), 0, `${viewport.width} px`)
          t.strictSame(await complaints(page), [])
          await picture(page, `${state}-${name}-${viewport.width}`)
        }
        t.strictSame(offences, [])
      })
    }
  }
})

/** What axe finds wrong with a page. */
async function complaints (page: Page): Promise<unknown> {
  await page.evaluate(axe)
  return await page.evaluate('axe.run().then(({ violations }) => violations.map(({ id, nodes }) => [id, ...nodes.map(({ failureSummary, html }) => [failureSummary, html])]))')
}

/** Keeps a picture of the page when somebody wants some: SCREENSHOTS=directory. */
async function picture (page: Page, name: string): Promise<void> {
  const { SCREENSHOTS } = process.env
  if (SCREENSHOTS) await page.screenshot({ path: `${SCREENSHOTS}/${name}.png` })
}
