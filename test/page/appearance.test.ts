import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import type { Page } from 'playwright-core'
import tap from 'tap'
import { EXAMPLES } from '../../copilot/engines/demo-scripts.ts'
import { type Proxy, proxy } from '../client/proxy.ts'
import { json } from '../helper.ts'
import { Pen, setUp, told, type Visit } from './browser.ts'

const axe = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')

/** The directory for pictures of the page, when somebody wants some (docs/page.md). */
const { SCREENSHOTS } = process.env

const WIDE = { width: 1440, height: 900 }
const PHONE = { width: 390, height: 844 }
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
    await pen.write(ANSWER.slice(0, 525))
    await become('streaming')
    await turn.locator('ol li').first().waitFor()
  },
  reconnecting: async ({ ask, become, pen, network }) => {
    await ask('What is a closure?')
    await pen.write(ANSWER.slice(0, 140))
    await become('streaming')
    network.target = undefined
    network.cut()
    await become('reconnecting')
  },
  stopped: async ({ page, ask, become, pen }) => {
    await ask('What is a closure?')
    await pen.write(ANSWER.slice(0, 140))
    await become('streaming')
    await page.keyboard.press('Escape')
    await become('stopped')
  },
  details: async ({ page, ask, become, pen }) => {
    await page.getByRole('button', { name: 'Details' }).click()
    await ask('What is a closure?')
    await pen.write(ANSWER)
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
  },
  crowded: async ({ page, turn, ask, become, pen }) => {
    pen.script = told(['reasoning', { text: 'Let me *see*.' }], ['tool', { id: '1', name: 'read_file', state: 'failed', input: { path: 'a.ts' } }], ['delta', { text: ANSWER }], ['done', { finishReason: 'length' }])
    await ask('line\n'.repeat(40))
    await become('error')
    await turn.getByRole('button', { name: 'Regenerate', exact: true }).click()
    await page.getByText('2 / 2').waitFor()
    await become('error')
    await turn.getByText(/Thought/).click()
    await turn.locator('.tool summary').click()
    await page.getByLabel('File to import').setInputFiles({ name: 'a.json', mimeType: 'application/json', buffer: Buffer.from('{') })
    await page.locator('#undo').getByText('no JSON').waitFor()
    await page.getByLabel('Your question').fill('a'.repeat(20_001))
    await page.context().setOffline(true)
    await page.getByText('You are offline').waitFor()
  },
  drawer: async ({ page, ask, become, pen }) => {
    await ask('What is a closure?')
    await pen.end('Fine.')
    await become('done')
    await page.setViewportSize(NARROW)
    await page.getByRole('button', { name: 'Conversations' }).click()
    await page.getByRole('button', { name: 'Rename' }).click()
  },
  shortcuts: async ({ page }) => {
    await page.keyboard.press('?')
  }
}

tap.test('what the page looks like', async t => {
  const given = await setUp(t)
  if (!given) return
  const { gateway, pair, visit } = given

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
        }
      }
      t.strictSame(offences, [])
    })
  }

  if (SCREENSHOTS) {
    t.test('pictures of the demo', async t => {
      const { url, port } = await gateway(t)
      const network = await proxy(t, port)
      const [, question = ''] = EXAMPLES.keys()
      for (const [name, viewport, colorScheme, lead] of pictures(question, network)) {
        const visitor = await visit(t, network.url, { viewport, colorScheme })
        await visitor.page.evaluate(SEED)
        await visitor.page.goto(`${network.url}#/new`)
        await visitor.page.reload()
        await lead(visitor)
        await visitor.page.screenshot({ path: `${SCREENSHOTS}/${name}-${colorScheme}-${viewport.width}.png` })
        network.target = port
        await visitor.page.close()
      }
      t.ok(url)
    })
  }
})

/** What was asked before, so that the list of conversations looks as it does after some days. */
const SEED = `['How do I cancel a fetch?', 'Node streams and backpressure', 'Regular expression for a semver', 'Why is my effect run twice?', 'A Dockerfile for a monorepo'].forEach((title, index) => {
  localStorage.setItem('copilot-stream-gateway:chat:c' + index, JSON.stringify({ id: 'c' + index, title, updated: Date.now() - [1, 2, 30, 31, 80][index] * 3_600_000 }))
  localStorage.setItem('copilot-stream-gateway:turn:c' + index + ':t', JSON.stringify({ id: 't', chat: 'c' + index, asked: 1, prompt: title, answer: '', state: 'stopped' }))
})`

/** What is shown in docs/, and what leads to it. */
function pictures (question: string, network: Proxy): Array<[name: string, viewport: typeof WIDE, colorScheme: 'light' | 'dark', lead: (visitor: Visit) => Promise<void>]> {
  const streaming = async ({ ask, turn }: Visit): Promise<void> => {
    await ask(question)
    await turn.getByText('const debounced').waitFor({ timeout: 60_000 })
  }
  const details = async ({ page, ask, turn }: Visit): Promise<void> => {
    await page.getByRole('button', { name: 'Details' }).click()
    await ask(question)
    await page.locator('.turn[data-status="done"]').waitFor({ timeout: 60_000 })
    await turn.getByText(/Thought for/).click()
    await page.evaluate('document.activeElement.blur(); scrollTo(0, 0)')
    await page.mouse.move(700, 500)
  }
  const reconnecting = async (visitor: Visit): Promise<void> => {
    await streaming(visitor)
    network.target = undefined
    network.cut()
    await visitor.turn.getByText(/try 3 of 10/).waitFor()
  }
  return [
    ['empty', WIDE, 'light', async () => {}],
    ['streaming', WIDE, 'light', streaming],
    ['reconnecting', WIDE, 'light', reconnecting],
    ['details', WIDE, 'light', details],
    ['details', WIDE, 'dark', details],
    ['streaming', PHONE, 'light', streaming],
    ['error', PHONE, 'light', async ({ page, ask }) => {
      await ask('demo:error')
      await page.locator('.turn[data-status="error"]').waitFor({ timeout: 60_000 })
    }],
    ['conversations', PHONE, 'dark', async ({ page, ask, become }) => {
      await ask(question)
      await become('streaming')
      await page.getByRole('button', { name: 'Conversations' }).click()
    }],
    ['versions', WIDE, 'light', async ({ page, ask, turn }) => {
      const done = page.locator('.turn[data-status="done"]')
      await ask('What can I try here?')
      await done.waitFor({ timeout: 60_000 })
      await turn.getByRole('button', { name: 'Edit' }).click()
      await ask('What else can I try here?')
      await page.getByText('2 / 2').waitFor()
      await done.waitFor({ timeout: 60_000 })
      await turn.getByRole('button', { name: 'Edit' }).click()
    }]
  ]
}

/** What axe finds wrong with a page. */
async function complaints (page: Page): Promise<unknown> {
  return await page.evaluate('axe.run().then(({ violations }) => violations.map(({ id, nodes }) => [id, ...nodes.map(({ failureSummary, html }) => [failureSummary, html])]))')
}
