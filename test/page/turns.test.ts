import { test } from 'tap'
import type { ToolPart } from '../../client/index.ts'
import { firstOf, fold, lengthOf } from '../../public/draft.ts'
import { branch, bytesOf, isTurn, MAX_BODY, messagesOf, type Turn, versions, withTool } from '../../public/turns.ts'

let asked = 0
const turn = (prompt: string, answer: string, state: Turn['state'] = 'done', parent?: string): Turn => ({ id: prompt, chat: 'c', asked: asked++, prompt, answer, state, ...parent !== undefined && { parent } })

test('whole answers and their questions are sent along, oldest first, and those that only their length ended', async t => {
  const long = { ...turn('f', 'F', 'error'), failure: { errorType: 'length', message: 'too long' } }
  const { messages, left } = messagesOf([turn('a', 'A'), turn('b', 'B', 'stopped'), turn('c', 'C', 'error'), turn('d', 'D', 'open'), turn('e', 'E'), long], MAX_BODY)
  t.strictSame(messages.map(({ content }) => content), ['a', 'A', 'e', 'E', 'f', 'F'])
  t.equal(left, 0)
})

test('what is sent along is bounded by the size of the request alone: turns are whole or left out, the oldest first', async t => {
  const many = Array.from({ length: 500 }, (_, index) => turn(`q${index}`, 'a'))
  t.equal(messagesOf(many, MAX_BODY).messages.length, 1_000)
  const long = '🌍'.repeat(100_000)
  t.equal(messagesOf([turn('q', long)], MAX_BODY).messages[1]?.content, long)

  const turns = [...many, turn('q', long)]
  for (const room of [0, 100, bytesOf(messagesOf([turn('q', long)], MAX_BODY).messages), 410_000, MAX_BODY]) {
    const { messages, left } = messagesOf(turns, room)
    t.ok(messages.length === 0 || bytesOf(messages) <= room)
    t.equal(messages.length / 2 + left, turns.length)
    t.strictSame(messages.map(({ content }) => content), turns.slice(left).flatMap(({ prompt, answer }) => [prompt, answer]))
  }
})

test('of several versions the chosen one is shown, or the newest, and what was asked behind it', async t => {
  const turns = [turn('a', 'A'), turn('b', 'B', 'done', 'a'), turn('b2', 'B', 'done', 'a'), turn('c', 'C', 'done', 'b'), turn('c2', 'C', 'done', 'b2')]
  const shown = (chosen: Record<string, string>): string => branch(turns, chosen).map(({ id }) => id).join(' ')
  t.equal(shown({}), 'a b2 c2')
  t.equal(shown({ a: 'b' }), 'a b c')
  t.equal(shown({ a: 'gone' }), 'a b2 c2')
  t.strictSame(versions(turns, 'a').map(({ id }) => id), ['b', 'b2'])
})

test('what is attached is folded into the question, whatever fences it has', async t => {
  t.equal(fold(' Why? ', []), 'Why?')
  t.equal(fold('', [{ name: 'a.md', text: '```\nx\n```' }]), 'a.md:\n````\n```\nx\n```\n````')
  t.equal(lengthOf('a🌍b'), 3)
  t.equal(lengthOf('ab'), 2)
  t.equal(firstOf('a🌍b', 2), 'a🌍')
  t.equal(firstOf('a', 5), 'a')
})

test('what is told of a tool bit by bit is one tool, in its place', async t => {
  const one = { type: 'tool', id: '1', name: 'read', state: 'running', input: { path: 'a' } } as const
  const two = { type: 'tool', id: '2', name: 'search', state: 'running' } as const
  const tools = [one, two, { type: 'tool', id: '1', name: 'read', state: 'done', output: 'A' } as const].reduce<ToolPart[]>(withTool, [])
  t.strictSame(tools, [{ ...one, state: 'done', output: 'A' }, two])
})

test('what is stored is a turn only when it has all that one has', t => {
  const whole = turn('q', 'a')
  t.ok(isTurn(whole))
  t.ok(isTurn({ ...whole, finishReason: null, tools: [{ id: '1', name: 'read', state: 'done', input: 7 }], usage: { inputTokens: 1 }, failure: { errorType: 'x', message: 'y' } }))
  for (const odd of [{ parent: 1 }, { model: {} }, { reasoning: 7 }, { before: '1' }, { tools: 'x' }, { tools: {} }, { tools: [null] }, { tools: [{ id: '1', name: 'x', state: '?' }] }, { usage: 7 }, { usage: { inputTokens: '1' } }, { failure: 'x' }, { failure: { errorType: 1, message: 'x' } }, { streamId: 1 }]) t.notOk(isTurn({ ...whole, ...odd }), JSON.stringify(odd))
  for (const other of [null, 1, {}, { ...whole, id: 1 }, { ...whole, chat: 1 }, { ...whole, asked: '1' }, { ...whole, prompt: 1 }, { ...whole, answer: 1 }, { ...whole, state: '?' }]) t.notOk(isTurn(other))
  t.end()
})

test('a conversation that somebody made a circle of has an end', t => {
  const self: Turn = { ...turn('a', 'A'), parent: undefined }
  t.equal(branch([self, { ...turn('b', 'B', 'done', 'a') }], { b: 'a' }).length, 2)
  t.end()
})
