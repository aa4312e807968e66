import { test } from 'tap'
import { toCopilotPrompt } from '../../../lib/copilot/prompt.ts'

const mode = 'explain-only'
const user = (content: string) => ({ role: 'user' as const, content })
const assistant = (content: string) => ({ role: 'assistant' as const, content })

test('without messages the prompt goes through untouched', async t => {
  t.strictSame(toCopilotPrompt({ prompt: 'Hi\n\nUser: there', mode }, 'me'), { prompt: 'Hi\n\nUser: there', mode, conversation: { messages: [], prompt: 'Hi\n\nUser: there' } })
  t.match(toCopilotPrompt({ prompt: 'Hi', mode, messages: [], sessionId: 's' }, 'me'), { prompt: 'Hi', mode })
})

test('mode, model and effort go along', async t => {
  t.match(toCopilotPrompt({ prompt: 'Hi', mode: 'project-helper', model: 'gpt-x', effort: 'low' }, 'me'), { effort: 'low', prompt: 'Hi', mode: 'project-helper', model: 'gpt-x' })
})

test('earlier turns become labelled paragraphs and the prompt is the latest', async t => {
  const { prompt } = toCopilotPrompt({ prompt: 'Why?', mode, sessionId: 'abc', messages: [user('What is 1+1?'), assistant('2.\nYes.')] }, 'me')
  t.equal(prompt, [
    'Session ID: abc',
    'Continue the conversation below and answer the latest user message.',
    'User: What is 1+1?',
    'Assistant: 2.\nYes.',
    'User (latest): Why?'
  ].join('\n\n'))
})

test('without a session there is no line for it', async t => {
  const { prompt } = toCopilotPrompt({ prompt: 'Why?', mode, messages: [user('What?')] }, 'me')
  t.ok(prompt.startsWith('Continue the conversation'))
})

test('a last message that repeats the prompt is not said twice', async t => {
  const { prompt } = toCopilotPrompt({ prompt: 'Why?', mode, messages: [user('What?'), assistant('That.'), user(' Why? \n')] }, 'me')
  t.match(prompt, /Assistant: That\.\n\nUser \(latest\): Why\?$/)
  t.equal(prompt.match(/Why\?/g)?.length, 1)
  t.match(toCopilotPrompt({ prompt: 'Why?', mode, messages: [user('Why?')] }, 'me').prompt, /message\.\n\nUser \(latest\): Why\?$/)
})

test('a repetition anywhere else is part of the conversation', async t => {
  const earlier = toCopilotPrompt({ prompt: 'Why?', mode, messages: [user('Why?'), assistant('Because.')] }, 'me')
  t.match(earlier.prompt, /User: Why\?\n\nAssistant: Because\.\n\nUser \(latest\): Why\?$/)
  const theirs = toCopilotPrompt({ prompt: 'Why?', mode, messages: [assistant('Why?')] }, 'me')
  t.match(theirs.prompt, /Assistant: Why\?\n\nUser \(latest\): Why\?$/)
})

test('the conversation goes along unfolded, without empty turns and without the prompt', async t => {
  const { conversation } = toCopilotPrompt({ prompt: 'Why?', mode, messages: [user('What?'), assistant(''), assistant(' \n'), user('Why?')], instructions: ' Be brief. ' }, 'me')
  t.strictSame(conversation, { instructions: 'Be brief.', messages: [user('What?')], prompt: 'Why?' })
})

test('instructions are the first paragraph, with a conversation and without', async t => {
  t.equal(toCopilotPrompt({ prompt: 'Why?', mode, instructions: 'Be brief.' }, 'me').prompt, 'Be brief.\n\nWhy?')
  t.match(toCopilotPrompt({ prompt: 'Why?', mode, sessionId: 's', messages: [user('What?')], instructions: 'Be brief.' }, 'me').prompt, /^Be brief\.\n\nSession ID: s\n\nContinue/)
})

test('files stand before the question, in fences that they cannot close, and go along unfolded', async t => {
  const files = [{ name: 'notes\n# not a heading', content: 'one' }, { name: 'b.md', content: '````js\nx\n````' }]
  const folded = 'File notes # not a heading:\n```\none\n```\n\nFile b.md:\n`````\n````js\nx\n````\n`````\n\nWhy?'
  const { prompt, conversation } = toCopilotPrompt({ prompt: 'Why?', mode, files }, 'me')
  t.equal(prompt, folded)
  t.strictSame(conversation, { messages: [], prompt: 'Why?', files })
  t.match(toCopilotPrompt({ prompt: 'Why?', mode, files, messages: [user('What?')] }, 'me').prompt, `User: What?\n\nUser (latest): ${folded}`)
  t.strictSame(toCopilotPrompt({ prompt: 'Why?', mode, files: [] }, 'me').conversation, { messages: [], prompt: 'Why?' })
  t.match(toCopilotPrompt({ prompt: 'Why?', mode, files: [{ name: 'a', content: '\ud800' }] }, 'me').conversation.files, [{ content: '\ufffd' }])
})

test('a conversation has the name that only its caller can give it', async t => {
  const id = (caller: string, sessionId: string) => toCopilotPrompt({ prompt: 'Why?', mode, sessionId }, caller).conversation.id
  t.match(id('me', 's'), /^[\da-f]{64}$/)
  t.equal(id('me', 's'), id('me', 's'))
  t.equal(new Set([id('me', 's'), id('you', 's'), id('me', 't'), id('m', 'es'), id('mes', '')]).size, 5)
})

test('half of a character leaves in no field', async t => {
  const half = 'a\ud83d'
  const prompt = toCopilotPrompt({ prompt: half, mode, model: half, sessionId: half, messages: [user(half), assistant(half), user(half)], instructions: half }, 'me')
  t.notMatch(JSON.stringify(prompt), /\\ud83d/)
  t.strictSame(prompt.conversation.messages, [user('a\ufffd'), assistant('a\ufffd')])
})
