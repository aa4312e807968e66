import { test } from 'tap'
import { toCopilotPrompt } from '../../../lib/copilot/prompt.ts'

const mode = 'explain-only'
const user = (content: string) => ({ role: 'user' as const, content })
const assistant = (content: string) => ({ role: 'assistant' as const, content })

test('without messages the prompt goes through untouched', async t => {
  t.strictSame(toCopilotPrompt({ prompt: 'Hi\n\nUser: there', mode }), { prompt: 'Hi\n\nUser: there', mode })
  t.strictSame(toCopilotPrompt({ prompt: 'Hi', mode, messages: [], sessionId: 's' }), { prompt: 'Hi', mode })
})

test('mode and model go along', async t => {
  t.strictSame(toCopilotPrompt({ prompt: 'Hi', mode: 'project-helper', model: 'gpt-x' }), { prompt: 'Hi', mode: 'project-helper', model: 'gpt-x' })
})

test('earlier turns become labelled paragraphs and the prompt is the latest', async t => {
  const { prompt } = toCopilotPrompt({ prompt: 'Why?', mode, sessionId: 'abc', messages: [user('What is 1+1?'), assistant('2.\nYes.')] })
  t.equal(prompt, [
    'Session ID: abc',
    'Continue the conversation below and answer the latest user message.',
    'User: What is 1+1?',
    'Assistant: 2.\nYes.',
    'User (latest): Why?'
  ].join('\n\n'))
})

test('without a session there is no line for it', async t => {
  const { prompt } = toCopilotPrompt({ prompt: 'Why?', mode, messages: [user('What?')] })
  t.ok(prompt.startsWith('Continue the conversation'))
})

test('a last message that repeats the prompt is not said twice', async t => {
  const { prompt } = toCopilotPrompt({ prompt: 'Why?', mode, messages: [user('What?'), assistant('That.'), user(' Why? \n')] })
  t.match(prompt, /Assistant: That\.\n\nUser \(latest\): Why\?$/)
  t.equal(prompt.match(/Why\?/g)?.length, 1)
  t.match(toCopilotPrompt({ prompt: 'Why?', mode, messages: [user('Why?')] }).prompt, /message\.\n\nUser \(latest\): Why\?$/)
})

test('a repetition anywhere else is part of the conversation', async t => {
  const earlier = toCopilotPrompt({ prompt: 'Why?', mode, messages: [user('Why?'), assistant('Because.')] })
  t.match(earlier.prompt, /User: Why\?\n\nAssistant: Because\.\n\nUser \(latest\): Why\?$/)
  const theirs = toCopilotPrompt({ prompt: 'Why?', mode, messages: [assistant('Why?')] })
  t.match(theirs.prompt, /Assistant: Why\?\n\nUser \(latest\): Why\?$/)
})
