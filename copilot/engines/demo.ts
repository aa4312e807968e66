import { setTimeout as delay } from 'node:timers/promises'
import type { AnswerRequest, Engine } from './engine.ts'

const defaultPaceMs = 35

/**
 * An engine that needs no account: it streams a short, plainly labelled text word by word, so that a fresh clone shows the whole way.
 *
 * @param options.paceMs - the pause before each word, in milliseconds; 35 when left out
 */
export function demoEngine ({ paceMs = defaultPaceMs }: { paceMs?: number } = {}): Engine {
  return {
    async * answer (request, { signal }) {
      for (const word of script(request).split(/(?<= )/)) {
        try {
          await delay(paceMs, undefined, { signal })
        } catch {
          // Only the signal can end the pause early: nobody listens any more.
          return
        }
        yield word
      }
    },
    models: async () => [{ id: 'demo', name: 'Demo (scripted, not GitHub Copilot)' }],
    health: () => ({ engine: 'demo', message: 'Scripted demo answers, not GitHub Copilot.' }),
    close: async () => {}
  }
}

function script ({ prompt, mode }: AnswerRequest): string {
  return 'This is a demo answer, written by a script and not by GitHub Copilot. ' +
    `You asked, in ${mode} mode: “${excerpt(prompt)}” ` +
    'Each word travels on its own, the way the real answer will: from this service through the gateway to you, as it is written. ' +
    'To talk to GitHub Copilot, set `COPILOT_GITHUB_TOKEN`; for any OpenAI-compatible model, ' +
    'set `COPILOT_PROVIDER_BASE_URL` and `COPILOT_MODEL`; then start again.\n'
}

/** The end of the prompt: a folded conversation has its latest message there. */
function excerpt (prompt: string): string {
  const characters = Array.from(prompt.slice(-400).replace(/^[\uDC00-\uDFFF]/, '').replace(/\s+/g, ' ').trim())
  return characters.length <= 80 ? characters.join('') : '…' + characters.slice(-80).join('').trim()
}
