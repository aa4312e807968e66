import { once } from 'node:events'
import type { ServerResponse } from 'node:http'
import { type BrowserContext, type BrowserContextOptions, chromium, type Locator, type Page } from 'playwright-core'
import type { Test } from 'tap'
import { build, type Gateway, pair, type Script, type Upstream } from '../helper.ts'
import { program } from '../programs.ts'
import { buildPage } from './build.ts'

/** What is asked of Chromium: to be alone on this machine, and to find no other. */
const FLAGS = [
  '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync',
  '--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1'
]

/** A page that a person has open. */
export interface Visit {
  readonly page: Page
  /** The latest answer, with all that belongs to it. */
  readonly turn: Locator
  /** Types a question and sends it by Enter. */
  ask (prompt: string): Promise<void>
  /** Resolves when the latest answer has a status. */
  become (status: string): Promise<void>
  /** Resolves when an expression of the page is true. The browser's policy for pages forbids Playwright's own way. */
  until (expression: string): Promise<void>
  /** What the page did that it must not do: errors, scripts or requests that its policy forbids, requests to elsewhere. */
  readonly offences: string[]
  /** Opens another tab of the same browser, at the same place or another; its offences are with the others. */
  tab (url?: string): Promise<Visit>
}

/** A browser, and what it visits. */
export interface Setup {
  /** A gateway of the companion's demo engine, with the page. */
  gateway (t: Test, environment?: Record<string, string>): Promise<Gateway>
  /** A gateway in front of a service with the given scripts, with the page. */
  pair (t: Test, scripts: Record<string, Script>, environment?: Record<string, string>): Promise<Gateway & { service: Upstream }>
  /** Opens a page as somebody who was never there; it closes with the test. */
  visit (t: Test, url: string, options?: BrowserContextOptions): Promise<Visit>
}

/** Builds the page as `npm run build` does, and starts a browser; undefined where there is none. */
export async function setUp (t: Test): Promise<Setup | undefined> {
  const executablePath = program(t, 'chromium', 'chromium')
  if (!executablePath) return undefined
  const directory = t.testdir()
  await buildPage(directory)
  const browser = await chromium.launch({ executablePath, args: FLAGS })
  t.teardown(() => browser.close())
  return {
    gateway: (t, environment = {}) => build(t, { COPILOT_ENGINE: 'demo', ...environment }, undefined, { pageRoot: directory }),
    pair: (t, scripts, environment = {}) => pair(t, scripts, environment, undefined, { pageRoot: directory }),
    async visit (t, url, options) {
      const context = await browser.newContext(options)
      t.teardown(() => context.close())
      return await visit(context, url, [])
    }
  }
}

async function visit (context: BrowserContext, url: string, offences: string[]): Promise<Visit> {
  const page = await context.newPage()
  page.on('pageerror', error => offences.push(String(error)))
  // A refusal is an answer, too; the browser has its own way to call it.
  page.on('console', message => { if (message.type() === 'error' && !message.text().startsWith('Failed to load resource')) offences.push(message.text()) })
  page.on('request', request => { if (!/^(http:\/\/127\.0\.0\.1:|blob:)/.test(request.url())) offences.push(request.url()) })
  await page.goto(url)
  const turn = page.locator('.turn').last()
  return {
    page,
    turn,
    offences,
    async ask (prompt) {
      await page.getByLabel('Your question').fill(prompt)
      await page.keyboard.press('Enter')
    },
    until: expression => page.evaluate(`new Promise(resolve => { const look = () => (${expression}) ? resolve() : requestAnimationFrame(look); look() })`),
    become: status => page.locator(`.turn:last-child[data-status="${status}"]`).waitFor(),
    tab: (to = page.url()) => visit(context, to, offences)
  }
}

/** An answer of a service that tells more than text: its events, each with its data. */
export function told (...events: Array<[event: 'delta' | 'reasoning' | 'tool' | 'done', data: object]>): Script {
  return reply => reply.writeHead(200, { 'content-type': 'text/event-stream' }).end(events.map(([event, data]) => `event: ${event}\ndata: ${JSON.stringify(data)}\n\n`).join(''))
}

/** The service's side of an answer whose every byte a test writes. */
export class Pen {
  script: Script
  #take!: (reply: ServerResponse) => void
  /** Resolves when it is asked. */
  readonly reply = new Promise<ServerResponse>(resolve => { this.#take = resolve })

  constructor () {
    this.script = reply => {
      reply.writeHead(200, { 'content-type': 'text/plain; charset=utf-8' }).flushHeaders()
      this.#take(reply)
    }
  }

  async write (text: string): Promise<void> {
    (await this.reply).write(text)
  }

  async end (text = ''): Promise<void> {
    (await this.reply).end(text)
  }

  /** Breaks the answer off. */
  async cut (): Promise<void> {
    (await this.reply).destroy()
  }

  /** Resolves when the gateway wants no more of it. */
  async dropped (): Promise<void> {
    const reply = await this.reply
    if (!reply.closed) await once(reply, 'close')
  }
}
