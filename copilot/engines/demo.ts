import { Readable } from 'node:stream'
import { setTimeout as delay } from 'node:timers/promises'
import type { Ending, Part } from '../../lib/answer/answer.ts'
import { CopilotError } from '../copilot-error.ts'
import { EXAMPLES, type Script, tour } from './demo-scripts.ts'
import type { AnswerRequest, Engine } from './engine.ts'

/** Options of the demo engine. Durations in milliseconds. */
export interface DemoOptions {
  /** The pause before each word. */
  readonly pace?: number
  /** How long `demo:slow` is silent. */
  readonly silence?: number
}

/** The name of the only model, in answers and in the list of models. */
const MODEL = 'demo'
/** Precedes the latest question in a folded conversation. */
const LATEST = '\n\nUser (latest): '
/** How many words an answer has that is broken off. */
const BROKEN_OFF = 60

/**
 * An engine that needs no account: it streams scripted answers word by word, each labelled as a demo, so that a fresh clone works
 * end to end. A question that begins with `demo:length`, `demo:error` or `demo:slow` shows a failure.
 */
export function demoEngine ({ pace = 25, silence = 20_000 }: DemoOptions = {}): Engine {
  return {
    answer (request) {
      const question = questionOf(request)
      const trick = /^demo:(length|error|slow)\b/.exec(question)?.[1]
      const script = { ...scriptFor(question, request), ...continuation(question, request) }
      const words = partsOf(trick === 'length' || trick === 'error' ? { ...script, text: firstWords(script.text) } : script)
      const left = new AbortController()
      const parts = new Readable({
        objectMode: true,
        read () {},
        destroy (error, done) {
          left.abort()
          done(error)
        }
      })
      const write = async () => {
        if (trick === 'slow') await delay(silence, undefined, left)
        for (const word of words) {
          await delay(pace, undefined, left)
          parts.push(word)
        }
        if (trick === 'error') throw new CopilotError('sdk', 'The demo was asked to fail half-way')
        parts.push(null)
      }
      // No effect on an answer that was already destroyed.
      write().catch((error: Error) => parts.destroy(error))
      return { parts, ending: () => ending(request, words, trick === 'length' ? 'length' : 'stop') }
    },
    models: async () => [{ id: MODEL, name: 'Demo (scripted, not GitHub Copilot)' }],
    health: () => ({ engine: 'demo', message: 'Scripted demo answers, not GitHub Copilot.' }),
    close: async () => {}
  }
}

function scriptFor (question: string, { mode }: AnswerRequest): Script {
  return EXAMPLES.get(question) ?? tour(excerpt(question), mode)
}

/** The rest of the latest answer, when it was broken off and the question is to continue it, as Continue on the page has it. */
function continuation (question: string, request: AnswerRequest): Script | undefined {
  const [asked, said] = request.conversation?.messages.slice(-2) ?? []
  if (!asked || !said || !/^continue\b/i.test(question)) return undefined
  const { text } = scriptFor(asked.content.trim(), request)
  return text !== said.content && text.startsWith(said.content) ? { reasoning: '', text: text.slice(said.content.length) } : undefined
}

/** The latest question, without the conversation that is folded around it. */
function questionOf ({ prompt, conversation }: AnswerRequest): string {
  if (conversation) return conversation.prompt.trim()
  const at = prompt.lastIndexOf(LATEST)
  return (at < 0 ? prompt : prompt.slice(at + LATEST.length)).trim()
}

function partsOf ({ reasoning, text }: Script): Part[] {
  return [...wordsOf(reasoning).filter(Boolean).map(word => part('reasoning', word)), ...wordsOf(text).map(word => part('text', word))]
}

function part (type: 'text' | 'reasoning', word: string): Part {
  return { type, bytes: Buffer.from(word) }
}

/** The words of a text, each with the white space behind it. */
function wordsOf (text: string): string[] {
  return text.split(/(?<=\s)(?=\S)/)
}

function firstWords (text: string): string {
  return wordsOf(text).slice(0, BROKEN_OFF).join('').trimEnd()
}

/** The end of a scripted answer. Its usage counts words in place of tokens, since no model counts any. */
function ending ({ prompt }: AnswerRequest, words: readonly Part[], finishReason: 'stop' | 'length'): Ending {
  const reasoningTokens = words.filter(({ type }) => type === 'reasoning').length
  return { finishReason, model: MODEL, usage: { inputTokens: wordsOf(prompt.trim()).length, outputTokens: words.length, reasoningTokens } }
}

/** The question on one line, or the end of a long one. */
function excerpt (question: string): string {
  const characters = Array.from(question.replace(/\s+/g, ' '))
  return characters.length <= 80 ? characters.join('') : '…' + characters.slice(-80).join('').trim()
}
