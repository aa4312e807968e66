import { realpathSync } from 'node:fs'
import { join } from 'node:path'
import { type Test, test } from 'tap'
import { decide, projectTools } from '../../../copilot/project/tools.ts'
import { events } from '../../helper.ts'
import { post } from '../helper.ts'
import { sdkService } from './sdk-helper.ts'

const NAMES = ['project_list', 'project_read', 'project_search']

/** A service with a project, and the way to ask it for help with it. */
async function withProject (t: Test) {
  const base = realpathSync(t.testdir({
    'outside.txt': 'Swordfish',
    project: { 'readme.md': 'What it is for: \u{1f980}\n', '.env': 'Swordfish', 'long.txt': 'a line of text\n'.repeat(4_000) }
  }))
  const it = await sdkService(t, { COPILOT_PROJECT_DIR: join(base, 'project') })
  const ask = (prompt: string, mode: string, rest: object = {}) => post(`${it.url}/chat/stream`, { prompt, mode, ...rest }, { headers: { accept: 'text/event-stream' } })
  return { ...it, base, ask }
}

test('a model that helps with a project can look at it, and the reader sees how', async t => {
  const { model, ask } = await withProject(t)
  const asking = ask('What is it for?', 'project-helper')
  const call = await model.next()
  t.same(call.body.tools?.map(tool => tool.function.name).sort(), NAMES)
  t.match(call.body.messages[0], { role: 'system', content: /Help with a project: .* project_read .* cannot change files, run commands or use the network/ })
  call.say('Let me see.')
  call.callTools([{ name: 'project_list', args: {} }, { name: 'project_read', args: { path: 'readme.md' } }, { name: 'project_search', args: { text: 'WHAT' } }])
  const second = await model.next()
  t.same(second.toolResults, { call_1: 'long.txt\nreadme.md', call_2: 'What it is for: \u{1f980}\n', call_3: 'readme.md:1: What it is for: \u{1f980}' })
  second.callTool('project_read', { path: 'long.txt' })
  const third = await model.next()
  t.match(third.toolResults.call_4, /^\(lines 1 to 1333 of 4001; go on with from: 1334\)\n(a line of text\n){1332}a line of text$/, 'nothing is written to a file because it is long')
  third.say('Crabs.')
  third.end()
  const told = (await events(await asking)).filter(({ event }) => event === 'tool').map(({ data }) => data)
  const states = (name: string) => told.filter(tool => tool.name === name).map(({ state }) => state)
  t.same(NAMES.map(states), [['running', 'done'], ['running', 'done', 'running', 'done'], ['running', 'done']])
  t.match(told.find(({ id, state }) => id === 'call_2' && state === 'running'), { input: { path: 'readme.md' } })
  t.match(told.find(({ id, state }) => id === 'call_2' && state === 'done'), { output: 'What it is for: \u{1f980}\n' })
})

test('what is refused is told to the model, and to the reader as a tool that failed', async t => {
  const { model, ask, base } = await withProject(t)
  const asking = ask('Open it', 'project-helper')
  const attempts = [
    { name: 'project_read', args: { path: '../outside.txt' } },
    { name: 'project_read', args: { path: join(base, 'outside.txt') } },
    { name: 'project_read', args: { path: '.env' } },
    { name: 'project_search', args: { text: '' } },
    { name: 'project_list', args: '{"path": ' },
    { name: 'bash', args: { command: `cat ${base}/outside.txt` } },
    { name: 'read_file', args: { path: join(base, 'outside.txt') } },
    { name: 'view', args: { path: join(base, 'outside.txt') } }
  ]
  ;(await model.next()).callTools(attempts)
  const next = await model.next()
  const results = Object.entries(next.toolResults)
  t.equal(results.length, attempts.length)
  for (const [id, result] of results) t.match(result, /^Refused: |were not valid JSON|does not exist/, `${id}: ${result}`)
  next.say('I may not.')
  next.end()
  const all = await events(await asking)
  const ended = all.filter(({ event, data }) => event === 'tool' && data.state !== 'running').map(({ data }) => data)
  t.equal(ended.length, attempts.length)
  for (const tool of ended) t.match(tool, { state: 'failed', output: String })
  t.match(all.at(-1), { event: 'done', data: { finishReason: 'stop' } })
  t.notMatch(JSON.stringify([all, model.calls.map(({ body }) => body)]), 'Swordfish')
})

test('the other mode has no tools, not even in a conversation that had them', async t => {
  const { model, ask } = await withProject(t)
  const conversation = (prompt: string) => ({ conversation: { id: 'a', messages: [], prompt } })
  for (const [prompt, mode] of [['one', 'project-helper'], ['two', 'project-helper'], ['three', 'explain-only']] as const) {
    const asking = ask(prompt, mode, conversation(prompt))
    const call = await model.next()
    t.equal(call.body.tools?.length, mode === 'explain-only' ? undefined : 3)
    call.callTool('project_read', { path: 'readme.md' })
    const next = await model.next()
    t.match(Object.values(next.toolResults).at(-1), mode === 'explain-only' ? /does not exist/ : /crab|\u{1f980}/u, prompt)
    next.say('ok')
    next.end()
    await (await asking).text()
  }
})

test('nothing is permitted but the use of these tools', async t => {
  const tools = projectTools({ root: '/no/such' })
  for (const toolName of NAMES) t.match(decide(tools, { kind: 'custom-tool', toolName, toolDescription: '' }), { kind: 'approve-once' }, toolName)
  t.match(decide([], { kind: 'custom-tool', toolName: 'project_read', toolDescription: '' }), { kind: 'reject' })
  t.match(decide(tools, { kind: 'custom-tool', toolName: 'bash', toolDescription: '' }), { kind: 'reject' })
  t.match(decide(tools, { kind: 'url', url: 'http://127.0.0.1', intention: '' }), { kind: 'reject' })
})
