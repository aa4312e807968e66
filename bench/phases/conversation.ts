import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { buildCopilotService } from '../../copilot/app.ts'
import { readCopilotConfig } from '../../copilot/config.ts'
import type { Message } from '../../lib/chat-request.ts'
import { toCopilotPrompt } from '../../lib/copilot/prompt.ts'

/** What the last turn of a conversation sends to the model, in bytes of messages. */
export interface ConversationCost {
  /** Whether the companion keeps the conversation's session, or folds the history into every prompt. */
  readonly kept: boolean
  readonly sent: number
  /** Those behind what the call before had already: the rest a provider can take from its prompt cache. */
  readonly fresh: number
}

const TURNS = 10
const ANSWER = 'An answer of a model, with a word for everything. '.repeat(40)

/** Asks ten turns of a conversation through the companion and the real SDK, once with kept sessions and once without. */
export async function conversation (): Promise<ConversationCost[]> {
  return [await lastTurn(false), await lastTurn(true)]
}

async function lastTurn (kept: boolean): Promise<ConversationCost> {
  const asked: string[] = []
  const model = createServer(async (request, response) => {
    request.setEncoding('utf8')
    let body = ''
    for await (const piece of request) body += piece
    asked.push(JSON.stringify(JSON.parse(body).messages))
    const choice = { index: 0, message: { role: 'assistant', content: ANSWER }, finish_reason: 'stop' }
    response.setHeader('content-type', 'application/json')
    response.end(JSON.stringify({ id: 'c', object: 'chat.completion', created: 1, model: 'm', choices: [choice] }))
  }).listen(0, '127.0.0.1')
  await once(model, 'listening')
  const { port } = model.address() as AddressInfo
  const config = readCopilotConfig({ PATH: process.env.PATH, COPILOT_PROVIDER_BASE_URL: `http://127.0.0.1:${port}/v1`, COPILOT_MODEL: 'm', COPILOT_SESSION_TTL_MS: kept ? '' : '0' })
  const app = await buildCopilotService({ config })
  try {
    const messages: Message[] = []
    for (let turn = 1; turn <= TURNS; turn++) {
      const prompt = `Question ${turn}: what comes next, and why?`
      const payload = toCopilotPrompt({ prompt, mode: 'explain-only', sessionId: 's', messages }, 'bench')
      const { statusCode, body } = await app.inject({ method: 'POST', url: '/chat', payload })
      if (statusCode !== 200) throw new Error(`turn ${turn} of a conversation failed: ${body}`)
      messages.push({ role: 'user', content: prompt }, { role: 'assistant', content: ANSWER })
    }
  } finally {
    await app.close()
    model.closeAllConnections()
    model.close()
  }
  const [before = '', last = ''] = asked.slice(-2)
  let same = 0
  while (same < before.length && before[same] === last[same]) same++
  return { kept, sent: last.length, fresh: last.length - same }
}
