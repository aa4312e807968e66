import { createOpenAICompatible } from '@ai-sdk/openai-compatible'
import { ChatOpenAI } from '@langchain/openai'
import { DefaultChatTransport, readUIMessageStream, streamText, TextStreamChatTransport, type UIMessage } from 'ai'
import OpenAI from 'openai'
import { test } from 'tap'
import { json, pair, type Script, streams } from '../helper.ts'

const split = Buffer.from('Grüße 🌍!')
const characters = streams(split.subarray(0, 3), split.subarray(3, 9), split.subarray(9))
const half: Script = reply => reply.writeHead(200, { 'content-type': 'text/plain' }).write('half', () => reply.destroy())
const question = { model: 'm', messages: [{ role: 'user' as const, content: 'Hello' }] }
const hello: UIMessage[] = [{ id: '1', role: 'user', parts: [{ type: 'text', text: 'Hello' }] }]

test('openai', async t => {
  const { url, service } = await pair(t, { '/chat/stream': characters, '/models': json(200, { models: [{ id: 'm' }] }) })
  const client = new OpenAI({ baseURL: `${url}/v1`, apiKey: 'any' })
  let text = ''
  for await (const chunk of await client.chat.completions.create({ ...question, stream: true })) text += chunk.choices[0]?.delta.content ?? ''
  t.equal(text, 'Grüße 🌍!')
  t.equal((await client.chat.completions.create(question)).choices[0]?.message.content, 'Grüße 🌍!')
  t.equal((await client.models.list()).data[0]?.id, 'm')
  t.equal((await client.models.retrieve('m')).id, 'm')
  t.match(await client.chat.completions.create({ ...question, n: 2 }).catch((error: unknown) => error), { status: 400, param: 'n' })

  service.scripts['/chat/stream'] = half
  await t.rejects((async () => { for await (const chunk of await client.chat.completions.create({ ...question, stream: true })) text += chunk.id })(), /lost|connect/)
  const asked = service.asked().length
  t.match(await client.chat.completions.create(question).catch((error: unknown) => error), { status: 503 })
  t.equal(service.asked().length, asked + 1, 'a question that was worked on is not repeated')
})

test('the AI SDK\'s provider', async t => {
  const { url, service } = await pair(t, { '/chat/stream': characters })
  const model = createOpenAICompatible({ name: 'gateway', baseURL: `${url}/v1`, apiKey: 'any' })('m')
  const { text, finishReason } = streamText({ model, prompt: 'Hello' })
  t.equal(await text, 'Grüße 🌍!')
  t.equal(await finishReason, 'stop')
  service.scripts['/chat/stream'] = half
  const errors: unknown[] = []
  const failing = streamText({ model, prompt: 'Hello', maxRetries: 0, onError: ({ error }) => { errors.push(error) } })
  await failing.consumeStream()
  t.ok(errors.length > 0)
})

test('LangChain', async t => {
  const { url } = await pair(t, { '/chat/stream': characters })
  const model = new ChatOpenAI({ model: 'm', apiKey: 'any', configuration: { baseURL: `${url}/v1` } })
  let text = ''
  for await (const chunk of await model.stream('Hello')) text += String(chunk.content)
  t.equal(text, 'Grüße 🌍!')
  t.equal((await model.invoke('Hello')).content, 'Grüße 🌍!')
})

test('the transports of useChat', async t => {
  const { url, service } = await pair(t, { '/chat/stream': characters })
  const send = async (transport: DefaultChatTransport<UIMessage> | TextStreamChatTransport<UIMessage>): Promise<string> => {
    const stream = await transport.sendMessages({ chatId: 'c', messages: hello, trigger: 'submit-message', messageId: undefined, abortSignal: undefined })
    let last: UIMessage | undefined
    for await (const message of readUIMessageStream({ stream, terminateOnError: true })) last = message
    return last?.parts.map(part => part.type === 'text' ? part.text : '').join('') ?? ''
  }
  const api = `${url}/api/chat`
  t.equal(await send(new DefaultChatTransport({ api })), 'Grüße 🌍!')
  t.equal(await send(new TextStreamChatTransport({ api, headers: { Accept: 'text/plain' } })), 'Grüße 🌍!')
  service.scripts['/chat/stream'] = half
  await t.rejects(send(new DefaultChatTransport({ api })), /lost|connect/)
  service.scripts['/chat/stream'] = json(429, { error: 'slow down' })
  await t.rejects(send(new DefaultChatTransport({ api })), { message: 'Copilot is rate limiting: slow down' })
})
