import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { access } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import { type BrowserContext, chromium, type Page } from 'playwright-core'
import type { Test } from 'tap'
import { codeBlocks } from '../docs/tables.ts'
import { program } from '../programs.ts'
import { type Ask, drive, type Outcome } from './driver.ts'

/** Asks by one client, in one version of it. */
export type Runner = (ask: Ask, onText?: (text: string) => void) => Promise<Outcome>

/** The clients of this folder, and those that need a newer Node. */
export const FOLDERS = ['test/clients', 'test/clients-newest'] as const

/** The address in the examples of the documentation. */
export const ADDRESS = 'http://localhost:3000'

/** A bundle of something in this folder that takes its packages from another. */
async function bundle (contents: string, folder: string, options: object): Promise<string> {
  const { outputFiles: [file] } = await build({ stdin: { contents, resolveDir: folder, loader: 'jsx' }, bundle: true, write: false, minify: true, format: 'esm', ...options })
  return file?.text ?? ''
}

/** The Node that the newest clients need: this one, when it is new enough, or that of npm, which is for Linux. */
export async function newerNode (): Promise<string> {
  if (Number(process.versions.node.split('.')[0]) >= 22) return process.execPath
  const path = `${FOLDERS[1]}/node_modules/node-${process.platform}-${process.arch}/bin/node`
  await access(path)
  return path
}

/** The newest clients, in a process of a newer Node. It ends with the test. */
export async function newest (t: Test): Promise<(client: string) => Runner> {
  const file = `${FOLDERS[1]}/node_modules/.driver.mjs`
  await build({ entryPoints: ['test/clients/driver.ts'], bundle: true, packages: 'external', platform: 'node', format: 'esm', outfile: file })
  const child: ChildProcess = fork(file, ['drive'], { execPath: await newerNode(), execArgv: [], env: { PATH: process.env.PATH } })
  t.teardown(() => child.kill('SIGKILL'))
  let number = 0
  return client => async (ask, onText = () => {}) => {
    const own = ++number
    return await new Promise((resolve, reject) => {
      const listen = ([about, told]: [number, string | Outcome]): void => {
        if (about !== own) return
        if (typeof told === 'string') return onText(told)
        child.off('message', listen)
        resolve(told)
      }
      child.on('message', listen).once('exit', () => reject(new Error('the newer Node is gone')))
      child.send([own, client, ask])
    })
  }
}

/** The clients of this folder, in this process. */
export const atHand = (client: string): Runner => async (ask, onText) => await drive(client, ask, onText)

/** A browser with the pages of the documentation, whose address is that of a gateway. */
export interface Pages {
  /** Asks by the first page. */
  readonly useChat: (folder: string) => Runner
  /** Opens a page: the first, or the second, at a path. */
  open (folder: string, number: 0 | 1, base: string, path?: string): Promise<Page>
}

/** Bundles the pages, serves them on a port of their own, and starts a browser; undefined where there is none. */
export async function pages (t: Test): Promise<Pages | undefined> {
  const executablePath = program(t, 'chromium', 'chromium')
  if (!executablePath) return undefined
  const examples = await codeBlocks('docs/clients.md', 'jsx')
  const mount = '\nimport { createRoot } from "react-dom/client"\ncreateRoot(document.querySelector("#root")).render(<Chat />)\n'
  const scripts = new Map<string, string>()
  for (const folder of FOLDERS) {
    for (const [number, example] of examples.entries()) {
      scripts.set(`${folder}/${number}`, await bundle(example + mount, fileURLToPath(new URL(`../../${folder}`, import.meta.url)), { jsx: 'automatic', define: { 'process.env.NODE_ENV': '"production"' } }))
    }
  }
  const server = createServer(({ url = '' }, reply) => {
    const { searchParams } = new URL(url, ADDRESS)
    const script = scripts.get(searchParams.get('script') ?? '')?.replaceAll(ADDRESS, searchParams.get('base') ?? '')
    reply.writeHead(200, { 'content-type': 'text/html; charset=utf-8' }).end(`<!doctype html><div id="root"></div><script type="module">${script?.replaceAll('</script', '<\\/script')}</script>`)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const browser = await chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking', '--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1'] })
  const context: BrowserContext = await browser.newContext()
  t.teardown(async () => {
    await browser.close()
    server.closeAllConnections()
    server.close()
  })
  // A listening TCP server has an address with a port.
  const { port } = server.address() as AddressInfo
  const open = async (folder: string, number: 0 | 1, base: string, path = '/'): Promise<Page> => {
    const page = await context.newPage()
    await page.goto(`http://127.0.0.1:${port}${path}?${String(new URLSearchParams({ script: `${folder}/${number}`, base }))}`)
    return page
  }
  return {
    open,
    useChat: folder => async ({ base, messages, stop }, onText) => {
      const page = await open(folder, 0, base)
      let outcome: Outcome = { text: '' }
      try {
        for (const { content } of messages.filter(({ role }) => role === 'user')) {
          await page.locator('input').fill(content)
          await page.keyboard.press('Enter')
          if (stop || onText) {
            await page.locator('.assistant', { hasText: /./ }).waitFor()
            onText?.('')
            if (stop) await page.getByRole('button', { name: 'Stop' }).click()
          }
          outcome = await over(page)
        }
        return outcome
      } finally {
        await page.close()
      }
    }
  }
}

const STATUS = '[role=status]'
/** What the first page says when nothing more will come: how an answer ended, or an error. */
const OVER = /^(?!submitted$|streaming$).+$/

/** Resolves when the first page says that nothing more will come. */
export async function over (page: Page): Promise<Outcome> {
  await page.locator(STATUS, { hasText: OVER }).waitFor()
  return await outcomeOf(page)
}

async function outcomeOf (page: Page): Promise<Outcome> {
  const said = await page.locator(STATUS).innerText()
  const answers = await page.locator('.assistant').allInnerTexts()
  return { text: answers.at(-1) ?? '', ...(/^(stop|length|content-filter|stopped)$/.test(said) ? { finish: said } : { error: said }) }
}
