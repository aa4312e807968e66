import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { readFile, writeFile } from 'node:fs/promises'
import type { ServerResponse } from 'node:http'
import { promisify } from 'node:util'
import { readUIMessageStream, TextStreamChatTransport, type UIMessage } from 'ai'
import OpenAI from 'openai'
import tap, { type Test } from 'tap'
import { codeBlocks, tableRows } from '../docs/tables.ts'
import { NODE, start } from '../entry/process.ts'
import { build, json, type Script, streams, upstream, type UpstreamRequest } from '../helper.ts'
import type { Ask, Outcome } from './driver.ts'
import { ADDRESS, atHand, FOLDERS, newerNode, newest, over, pages, type Runner } from './runners.ts'

const WHOLE = 'Grüße 🌍!'
const split = Buffer.from(WHOLE)
const characters = streams(split.subarray(0, 3), split.subarray(3, 9), split.subarray(9))
/** A service that says half an answer, and then what a test has it say. */
const half = (then: (reply: ServerResponse) => unknown): Script => reply => reply.writeHead(200, { 'content-type': 'text/plain' }).write('half', () => then(reply))
const ending = (finishReason: string): Script => reply =>
  reply.writeHead(200, { 'content-type': 'text/event-stream' }).end(`event: delta\ndata: {"text":"half"}\n\nevent: done\ndata: {"finishReason":"${finishReason}","usage":{"inputTokens":1,"outputTokens":1}}\n\n`)
const hello = [{ role: 'user', content: 'Hello' }] as const

/** What happens to all clients that ask at the same time. */
interface Scene {
  readonly script: Script
  /** A gateway that lets everybody in (the default), one that wants another key, or one that waits for a silent service for a moment only. */
  readonly at?: 'open' | 'closed' | 'impatient'
  readonly ask?: Partial<Ask>
  /** The client asks so often, and gets to know the same each time. */
  readonly times?: number
  /** The client is asked without a page, and the cell is about something beside the text. */
  readonly cell?: (outcome: Outcome) => string | undefined
  /** What else is to be seen: `asked` are the questions of one client. */
  readonly also?: (t: Test, asked: readonly UpstreamRequest[]) => unknown
}

const thoughtful: Script = reply => reply.writeHead(200, { 'content-type': 'text/event-stream' }).end([
  'event: reasoning\ndata: {"text":"Hm."}', `event: delta\ndata: {"text":"${WHOLE}"}`, 'event: done\ndata: {"finishReason":"stop","usage":{"inputTokens":3,"outputTokens":2}}', ''
].join('\n\n'))

const refusedOnce = new Set<unknown>()
const stopped: Array<Promise<unknown>> = []
const scenes: Readonly<Record<string, Scene>> = {
  'text whose characters come in pieces': { script: characters },
  'one reply, not a stream': { script: characters, ask: { whole: true } },
  'the conversation so far': {
    script: (reply, request) => request.json.prompt === 'One' ? streams('Eins')(reply, request) : characters(reply, request),
    ask: { messages: [{ role: 'user', content: 'One' }, { role: 'assistant', content: 'Eins' }] },
    also: (t, [question]) => t.match(question?.json.prompt, /User: One\n\nAssistant: Eins\n\nUser \(latest\): Hello/)
  },
  'a model by its name': { script: characters, also: (t, [question]) => t.equal(question?.json.model, 'gpt-5') },
  'what the model thought': { script: thoughtful, cell: ({ thought }) => thought === '' ? 'is not told' : thought },
  'what it cost': { script: thoughtful, cell: ({ cost }) => cost },
  'a key that is not accepted': { script: characters, at: 'closed', also: (t, asked) => t.equal(asked.length, 0) },
  'a limit, with a second to wait': {
    script (reply, request) {
      const { prompt } = request.json
      if (refusedOnce.has(prompt)) return characters(reply, request)
      refusedOnce.add(prompt)
      return json(429, { error: 'slow down' }, { 'retry-after': '1' })(reply, request)
    }
  },
  'no Copilot behind the gateway': { script: json(503, { error: 'GitHub Copilot is not configured', errorType: 'token_missing' }) },
  'a failure in the middle': { script: half(reply => reply.destroy()) },
  'silence in the middle': { script: half(() => {}), at: 'impatient' },
  'the model breaks its answer off': { script: ending('length') },
  'a filter holds the rest back': { script: ending('content_filter') },
  'the reader stops it': {
    script (reply, request) {
      stopped.push(once(reply, 'close'))
      return half(() => {})(reply, request)
    },
    ask: { stop: true },
    also: () => Promise.all(stopped)
  },
  'asked twice with one `Idempotency-Key`': { script: characters, ask: { idempotencyKey: 'a-key' }, times: 2 }
}

/** What the table says of an outcome, and of how often the service was asked. */
function cellOf ({ text, finish, error, status }: Outcome, asked: number): string {
  const end = error === undefined ? finish ?? 'an end without a word' : text !== '' ? 'an error' : status !== undefined ? `error ${status}` : `“${error}”`
  const seen = text === WHOLE && finish === 'stop' ? 'whole' : text === '' ? end : `${text}, ${end}`
  return asked > 1 ? `${seen}, asked ${asked} times` : seen
}

const CLIENTS = ['openai', '@langchain/openai', '@ai-sdk/openai-compatible', '@ai-sdk/react']

tap.test('clients', async t => {
  const given = await pages(t)
  if (!given) return
  const { useChat, open: openPage } = given
  const service = await upstream(t, {})
  const gateway = async (environment: Record<string, string>): Promise<string> => (await build(t, { COPILOT_SERVICE_URL: service.url, RATE_LIMIT_MAX: '0', ...environment })).url
  const gateways = {
    open: await gateway({}),
    closed: await gateway({ AUTH_MODE: 'api-key', API_KEYS: 'ann:ann-key' }),
    impatient: await gateway({ COPILOT_IDLE_TIMEOUT_MS: '1000' })
  }
  const newer = await newest(t)
  /** Each client in each of its versions, by the folder that it is installed in. */
  const runners = CLIENTS.flatMap(client => FOLDERS.map((folder, index): { client: string, folder: string, run: Runner, pageless: Runner } => {
    const pageless = (index === 0 ? atHand : newer)(client)
    return { client, folder, pageless, run: client === '@ai-sdk/react' ? useChat(folder) : pageless }
  }))
  const cells = new Map((await tableRows('docs/clients.md', '')).map(([row = '', ...columns]) => [row, columns]))
  const cell = (row: string, client: string): string | undefined => cells.get(row)?.[CLIENTS.indexOf(client)]
  const ran = new Set<string>()

  for (const [row, { script, at = 'open', ask = {}, times = 1, cell: told, also = () => {} }] of Object.entries(scenes)) {
    await t.test(row, async t => {
      service.requests.length = 0
      service.scripts['/chat/stream'] = script
      // All at once: each is told from the others by what it asks.
      await Promise.all(runners.filter(({ client }) => cell(row, client) !== '—').map(async ({ client, folder, run, pageless }) => {
        ran.add(`${client}: ${row}`)
        const prompt = `Hello from ${client} of ${folder}`
        const question = { base: gateways[at], key: 'any', ...ask, messages: [...ask.messages ?? [], { role: 'user' as const, content: prompt }] }
        const outcomes: Outcome[] = []
        while (outcomes.length < times) outcomes.push(await (told ? pageless : run)({ ...question, ...(ask.idempotencyKey && { idempotencyKey: `${client}-${folder}` }) }))
        const asked = service.asked().filter(({ json }) => String(json.prompt).endsWith(prompt))
        for (const outcome of outcomes) t.equal(told ? told(outcome) : cellOf(outcome, asked.length), cell(row, client), `${client} of ${folder}: ${outcome.error}`)
        await also(t, asked)
      }))
    })
  }

  const KILLED = 'the gateway is killed in the middle'
  await t.test(KILLED, async t => {
    const gateway = start(t, [...NODE, new URL('../../server.ts', import.meta.url).pathname], { COPILOT_SERVICE_URL: service.url })
    const base = await gateway.url()
    service.scripts['/chat/stream'] = half(() => {})
    const asked = runners.map(({ client, folder, run }) => {
      let begin: () => void
      const begun = new Promise<void>(resolve => { begin = resolve })
      return { client, folder, begun, outcome: run({ base, key: 'any', messages: hello }, () => begin()) }
    })
    await Promise.all(asked.map(({ begun }) => begun))
    gateway.kill('SIGKILL')
    for (const { client, folder, outcome } of asked) {
      ran.add(`${client}: ${KILLED}`)
      t.equal(cellOf(await outcome, 1), cell(KILLED, client), `${client} of ${folder}`)
    }
  })

  const AGAIN = 'asked once more (`regenerate`)'
  await t.test(`@ai-sdk/react: ${AGAIN}`, async t => {
    ran.add(`@ai-sdk/react: ${AGAIN}`)
    for (const folder of FOLDERS) {
      service.scripts['/chat/stream'] = streams('first')
      const page = await openPage(folder, 0, gateways.open)
      await page.locator('input').fill('Hello')
      await page.keyboard.press('Enter')
      t.match(await over(page), { text: 'first', finish: 'stop' })
      service.scripts['/chat/stream'] = characters
      service.requests.length = 0
      await page.getByRole('button', { name: 'Once more' }).click()
      await page.locator('.assistant', { hasText: WHOLE }).waitFor()
      t.equal(cellOf(await over(page), 1), cell(AGAIN, '@ai-sdk/react'))
      t.strictSame(service.asked().map(({ json }) => json.prompt), ['Hello'])
      await page.close()
    }
  })

  const RELOADED = 'the page is loaded again in the middle'
  await t.test(`@ai-sdk/react: ${RELOADED}`, async t => {
    ran.add(`@ai-sdk/react: ${RELOADED}`)
    for (const folder of FOLDERS) {
      let reply: ServerResponse | undefined
      service.requests.length = 0
      service.scripts['/chat/stream'] = half(begun => { reply = begun })
      const ask = async (path: string) => {
        const page = await openPage(folder, 1, gateways.open, path)
        await page.locator('input').fill('Hello')
        await page.keyboard.press('Enter')
        await page.locator('.assistant', { hasText: 'half' }).waitFor()
        return page
      }
      const page = await ask(`/${folder}/a`)
      await page.reload()
      await page.locator('.assistant', { hasText: 'half' }).waitFor()
      reply?.end(' and half')
      await page.locator('.assistant', { hasText: 'half and half' }).waitFor()
      await page.locator('[role=status]', { hasText: /^ready$/ }).waitFor()
      await page.locator('.end', { hasText: /^stop$/ }).waitFor()
      t.equal(await page.locator('.assistant').count(), 1)
      await page.reload()
      await page.locator('[role=status]', { hasText: /^ready$/ }).waitFor()
      t.equal(await page.locator('.assistant').count(), 0, 'nothing runs any more')
      t.equal(service.asked().length, 1)
      t.equal(cell(RELOADED, '@ai-sdk/react'), 'the same answer goes on')
      await page.close()

      const stopped = await ask(`/${folder}/b`)
      const closed = once(reply ?? service, 'close')
      await stopped.getByRole('button', { name: 'Stop' }).click()
      await closed
      await stopped.locator('.end', { hasText: /^stopped$/ }).waitFor()
      await stopped.close()

      const elsewhere = await ask(`/${folder}/c`)
      t.equal((await fetch(`${gateways.open}/api/chat/${encodeURIComponent(`/${folder}/c`)}/stream`, { method: 'DELETE' })).status, 204)
      await elsewhere.locator('.end', { hasText: /^incomplete$/ }).waitFor()
      await elsewhere.close()
    }
  })

  await t.test('every cell of the table has its test, and every version is one that is installed', async t => {
    for (const [row, columns] of cells) {
      for (const [index, cell] of columns.entries()) {
        if (row !== 'versions') t.equal(cell === '—', !ran.has(`${CLIENTS[index]}: ${row}`), `${CLIENTS[index]}: ${row}`)
      }
      t.equal(columns.length, CLIENTS.length)
    }
    const majors = await Promise.all(CLIENTS.map(async client => await Promise.all(FOLDERS.map(async folder => {
      const { version } = JSON.parse(await readFile(`${folder}/node_modules/${client}/package.json`, 'utf8'))
      return String(version).split('.')[0]
    }))))
    t.strictSame(cells.get('versions'), majors.map(versions => [...new Set(versions)].join(', ')))
  })

  await t.test('the examples run as they stand', async t => {
    service.scripts['/chat/stream'] = characters
    const examples = (await codeBlocks('docs/clients.md', 'js')).map(code => code.replaceAll(ADDRESS, gateways.open))
    t.equal(examples.length, 3)
    for (const [folder, node] of [[FOLDERS[0], process.execPath], [FOLDERS[1], await newerNode()]] as const) {
      const file = `${folder}/node_modules/.example.mjs`
      // One process for all of them: each import is a module of its own.
      for (const [index, code] of examples.entries()) await writeFile(file.replace('example', `example-${index}`), code)
      await writeFile(file, examples.map((_code, index) => `await import('./.example-${index}.mjs')\nprocess.stdout.write('\\n')`).join('\n'))
      const { stdout } = await promisify(execFile)(node, [file], { env: { PATH: process.env.PATH } })
      t.equal(stdout, `${WHOLE}\n`.repeat(examples.length), folder)
    }
  })

  await t.test('openai asks for models, and is refused what cannot be done', async t => {
    service.scripts['/models'] = json(200, { models: [{ id: 'm' }] })
    const client = new OpenAI({ baseURL: `${gateways.open}/v1`, apiKey: 'any' })
    t.equal((await client.models.list()).data[0]?.id, 'm')
    t.equal((await client.models.retrieve('m')).id, 'm')
    t.match(await client.chat.completions.create({ model: 'm', messages: [...hello], n: 2 }).catch((error: unknown) => error), { status: 400, param: 'n' })
  })

  await t.test('TextStreamChatTransport reads text', async t => {
    service.scripts['/chat/stream'] = characters
    const messages: UIMessage[] = [{ id: '1', role: 'user', parts: [{ type: 'text', text: 'Hello' }] }]
    const stream = await new TextStreamChatTransport({ api: `${gateways.open}/api/chat`, headers: { Accept: 'text/plain' } })
      .sendMessages({ chatId: 'c', messages, trigger: 'submit-message', messageId: undefined, abortSignal: undefined })
    let last: UIMessage | undefined
    for await (const message of readUIMessageStream({ stream, terminateOnError: true })) last = message
    t.match(last?.parts.find(({ type }) => type === 'text'), { text: WHOLE })
  })
})
