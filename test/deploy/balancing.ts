import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Test, test } from 'tap'
import { createChatClient } from '../../client/index.ts'
import { proxy } from '../client/proxy.ts'
import { quick, Statuses } from '../client/reading.ts'
import { requestText, WireClient } from '../faults/client.ts'
import { ask, closeOf, json, type Script } from '../helper.ts'
import { program } from '../programs.ts'
import { connects } from '../ports.ts'
import { raw } from '../raw.ts'
import { balance, type Balanced, type Balancer } from './balancer.ts'

/** A balancer under test: where its program comes from, and what its operator does before a gateway is stopped. */
export interface Case extends Balancer {
  readonly name: string
  readonly debianPackage: string
  readonly takeOut?: (balanced: Balanced) => Promise<void>
}

/** So many that a balancer which sends each of them anywhere does not get all of them right. */
const SEVERAL = 6

/** Puts two gateways behind a balancer, and checks that what they promise to readers holds on its other side. */
export function balances (balancer: Case): void {
  void test(`two gateways behind ${balancer.name}`, { timeout: 60_000 }, async t => {
    if (!program(t, balancer.name, balancer.debianPackage)) return
    // The delay of docs/operations.md. How much one caller may ask for is a matter of other tests.
    const balanced = await balance(t, balancer, { DRAIN_DELAY_MS: '5000', RATE_LIMIT_MAX: '1000000', MAX_STREAMS_PER_CALLER: '100' })

    await t.test('tokens of text go on one by one', async t => tokens(t, balanced, 'text/plain'))
    await t.test('tokens of events go on one by one', async t => tokens(t, balanced, 'text/event-stream'))
    await t.test('a reader that leaves before the first byte is told to the service', async t => leaving(t, balanced))
    await t.test('a reader that leaves in the middle is told to the service', async t => leaving(t, balanced, 'half an '))
    await t.test('an answer that was cut is seen to be cut', async t => cut(t, balanced))
    await t.test('a refusal passes as it is', async t => refusal(t, balanced))
    await t.test('a name that is listed is answered, and a foreign one is not', async t => hosts(t, balanced))
    await t.test('resumable answers are read on, and stopped, where they are', async t => resumable(t, balanced))
    await t.test('a gateway that is stopped loses no answer, and the other one gets the new ones', async t => rollover(t, balanced, balancer))
    await t.test('an answer of a gateway that dies is seen to be cut', async t => death(t, balanced))
  })
}

/** The gateways are on the same machine as the balancer, which passes the reader's Host on. */
async function hosts (t: Test, { port }: Balanced): Promise<void> {
  for (const [host, status] of [['gateway.example.com', 200], ['rebound.example.com', 403]] as const) {
    t.match(await raw(port, `GET /health HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`), new RegExp(`^HTTP/1\\.1 ${status} `), host)
  }
}

const begins = (beginning: string): Script => reply => reply.writeHead(200, { 'content-type': 'text/plain; charset=utf-8' }).write(beginning)

function reads ({ port }: Balanced, accept = 'text/plain'): WireClient {
  return new WireClient(port, [requestText({ accept, id: 'reader' })]).read()
}

/** The service writes a token when the reader has got the one before: who waits for more of them waits for ever. */
async function tokens (t: Test, balanced: Balanced, accept: string): Promise<void> {
  const times: number[] = []
  balanced.script = async reply => {
    for (const token of ['one ', 'two ', 'three ', 'four ', 'five ']) {
      reply.write(token)
      await reader.seen(token)
      times.push(performance.now())
    }
    reply.end()
  }
  const reader = reads(balanced, accept)
  t.match(await reader.over(), [{ status: 200, whole: true }])
  t.equal(times.length, 5)
  t.comment(`ms from token to token: ${times.slice(1).map((time, index) => (time - Number(times[index])).toFixed(1)).join(', ')}`)
}

async function leaving (t: Test, balanced: Balanced, beginning?: string): Promise<void> {
  const { service } = balanced
  balanced.script = beginning ? begins(beginning) : () => {}
  const asked = service.request(service.requests.length)
  const reader = reads(balanced)
  const { raw } = await asked
  if (beginning) await reader.seen(beginning)
  t.notOk(raw.socket.closed)
  reader.socket.destroy()
  await closeOf(raw.socket)
}

async function cut (t: Test, balanced: Balanced): Promise<void> {
  balanced.script = async (reply, request) => {
    begins('half an ')(reply, request)
    await reader.seen('half an ')
    reply.destroy()
  }
  const reader = reads(balanced)
  t.match(await reader.over(), [{ status: 200, body: Buffer.from('half an '), whole: false }])
}

async function refusal (t: Test, balanced: Balanced): Promise<void> {
  balanced.script = json(429, { error: 'slow down', errorType: 'rate_limited' }, { 'retry-after': '7' })
  const response = await ask(balanced.url)
  t.equal(response.status, 429)
  t.match(Object.fromEntries(response.headers), { 'x-error-type': 'rate_limited', 'retry-after': '7', 'x-request-id': /^[\w-]{32,36}$/ })
  t.equal(await response.text(), 'Error: Copilot is rate limiting: slow down')
}

async function resumable (t: Test, balanced: Balanced): Promise<void> {
  const { service } = balanced
  balanced.script = async (reply, request) => {
    begins('half an ')(reply, request)
    await once(service, 'connections lost')
    reply.end('answer')
  }
  const network = await proxy(t, balanced.port)
  const client = createChatClient({ baseUrl: network.url, reconnect: quick })
  const answers = await Promise.all(Array.from({ length: SEVERAL }, async () => {
    const statuses = new Statuses()
    const begun = statuses.next('streaming')
    client.ask({ prompt: 'Hello', resumable: true }, statuses)
    return await begun
  }))
  network.cut()
  service.emit('connections lost')
  for (const answer of answers) t.equal(await answer.text, 'half an answer')
  for (const { streamId } of answers) {
    const again = `${balanced.url}/api/chat/${streamId}`
    t.equal(await (await fetch(again)).text(), 'half an answer')
    t.equal((await fetch(again, { method: 'DELETE' })).status, 204)
  }
  t.equal((await fetch(`${balanced.url}/api/chat/${'A'.repeat(22)}`)).headers.get('x-error-type'), 'not_found')
}

/** Answers are asked for all the time, from before a gateway gets SIGTERM until it has ended; what is in flight on it goes on for longer than it listens. */
async function rollover (t: Test, balanced: Balanced, { takeOut }: Case): Promise<void> {
  const { service, replicas: [replica] } = balanced
  let asked = 0
  balanced.script = async reply => {
    const early = ++asked <= SEVERAL
    reply.write('half an ')
    if (early) await once(service, 'listener closed')
    reply.end('answer')
  }
  const inFlight = Array.from({ length: SEVERAL }, () => reads(balanced))
  await Promise.all(inFlight.map(async reader => reader.seen('half an ')))

  let over = false
  const seen: Record<string, number> = {}
  const goOn = async (): Promise<void> => {
    for (let last = false; !last;) {
      last = over
      // On a connection of its own: nginx closes those that are idle when it is reloaded, which browsers know how to take.
      const [response] = await reads(balanced).over()
      const words = `${response?.status} ${response?.body}, ${response?.whole ? 'whole' : 'cut'}`
      seen[words] = (seen[words] ?? 0) + 1
    }
  }
  const others = [goOn(), goOn(), goOn()]
  await takeOut?.(balanced)
  replica.kill('SIGTERM')
  const port = Number(new URL(await replica.url()).port)
  while (await connects(port)) await sleep(50)
  service.emit('listener closed')

  t.equal(await replica.ended, 0)
  t.match(replica.stdout, /"inFlight":[1-9]\d*,.*"msg":"draining"/, 'it had answers in flight')
  for (const reader of inFlight) t.match(await reader.over(), [{ status: 200, body: Buffer.from('half an answer'), whole: true }])
  over = true
  await Promise.all(others)
  t.strictSame(Object.keys(seen), ['200 half an answer, whole'])
  t.comment(`answers to others meanwhile: ${JSON.stringify(seen)}`)
}

async function death (t: Test, balanced: Balanced): Promise<void> {
  const { replicas: [, replica] } = balanced
  balanced.script = begins('half an ')
  const reader = reads(balanced)
  await reader.seen('half an ')
  replica.kill('SIGKILL')
  t.match(await reader.over(), [{ status: 200, body: Buffer.from('half an '), whole: false }])
}
