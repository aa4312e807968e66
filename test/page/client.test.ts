import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { build } from 'esbuild'
import tap from 'tap'
import { proxy } from '../client/proxy.ts'
import { json } from '../helper.ts'
import { Pen, setUp } from './browser.ts'

tap.test("the client's bundle, in a browser, on a page of another origin", async t => {
  const given = await setUp(t)
  if (!given) return
  const { pair, visit } = given
  const { outputFiles } = await build({ entryPoints: ['client/index.ts'], bundle: true, minify: true, format: 'esm', platform: 'browser', target: 'es2022', write: false })
  const site = createServer(({ url }, reply) => {
    if (url === '/client.js') reply.setHeader('content-type', 'text/javascript').end(outputFiles[0]?.contents)
    else reply.setHeader('content-type', 'text/html').end('<!doctype html><link rel="icon" href="data:,"><title>A page</title>')
  }).listen(0, '127.0.0.1')
  await once(site, 'listening')
  t.teardown(() => site.close())
  // A listening TCP server has an address with a port.
  const address = `http://127.0.0.1:${(site.address() as AddressInfo).port}`

  t.test('asks, follows an answer through a lost network, resumes and stops', async t => {
    const pen = new Pen()
    const { port } = await pair(t, { '/chat/stream': pen.script, '/models': json(200, { models: [{ id: 'gpt-x' }] }) })
    const network = await proxy(t, port)
    const { page, offences, until } = await visit(t, address)
    await page.evaluate(`import('/client.js').then(({ createChatClient }) => {
      client = createChatClient({ baseUrl: '${network.url}', reconnect: { delay: 1, maxDelay: 5 } })
      statuses = []
      answer = client.ask({ prompt: 'Hello', resumable: true }, { onStatus: status => statuses.push(status) })
    })`)
    t.strictSame(await page.evaluate('client.models()'), [{ id: 'gpt-x' }])
    await pen.write('Grüße ')
    await until('answer.status === "streaming"')
    network.target = undefined
    network.cut()
    await until('answer.status === "reconnecting"')
    network.target = port
    await pen.write('aus Köln')
    await pen.end(' 🌍')
    t.equal(await page.evaluate('answer.text'), 'Grüße aus Köln 🌍')
    t.match(await page.evaluate('statuses'), ['streaming', 'reconnecting', 'streaming', 'done'])
    t.equal(await page.evaluate('client.resume(answer.streamId, { partial: "Grüße " }).text'), 'Grüße aus Köln 🌍')
    t.equal(await page.evaluate('client.resume("A".repeat(22)).text.catch(({ errorType }) => errorType)'), 'not_found')
    t.strictSame(offences, [])
  })

  t.test('stops an answer, and the model with it', async t => {
    for (const resumable of [true, false]) {
      const pen = new Pen()
      const { url } = await pair(t, { '/chat/stream': pen.script })
      const { page, until } = await visit(t, address)
      await page.evaluate(`import('/client.js').then(({ createChatClient }) => { answer = createChatClient({ baseUrl: '${url}' }).ask({ prompt: 'Hello', resumable: ${resumable} }) })`)
      await pen.write('Half')
      await until('answer.partial === "Half"')
      await page.evaluate('answer.stop()')
      await pen.dropped()
      t.match(await page.evaluate('answer.text.catch(({ errorType, partial }) => ({ errorType, partial }))'), { errorType: 'stopped', partial: 'Half' })
    }
  })
})
