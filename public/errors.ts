/** The words that a person sees for an error type. */
export interface Words {
  readonly title: string
  /** What the person can do. */
  readonly advice: string
  /** The button that is offered: ask again (the default), enter a key, resume the answer, let the model continue, or none. */
  readonly remedy?: 'key' | 'resume' | 'continue' | 'none'
}

const upstream: Words = { title: 'Copilot reports an error', advice: 'Try again. If it stays, tell whoever runs the gateway.' }

/** Words for the error types of docs/api.md and of the client (client/error.ts). */
const words = new Map<string, Words>(Object.entries({
  // Errors that the person can mend.
  unauthenticated: { title: 'This gateway wants a key', advice: 'Enter an API key or a token; whoever runs the gateway hands them out.', remedy: 'key' },
  forbidden: { title: 'This is not allowed', advice: 'Ask whoever runs the gateway to let this page, or this key, in.' },
  invalid_request: { title: 'The gateway does not take this question', advice: 'Change it, and ask again.' },
  rate_limited: { title: 'Too many questions', advice: 'Wait a moment, then ask again.' },
  budget_exhausted: { title: 'Your tokens are spent', advice: 'Ask again when the gateway gives you new ones, or ask whoever runs it for more.', remedy: 'none' },
  too_many_streams: { title: 'Too many answers at once', advice: 'Stop another answer, perhaps in another tab, or let it end.' },
  network: { title: 'No connection to the gateway', advice: 'Look after the network, and whether the gateway runs.' },

  // Temporary errors.
  overloaded: { title: 'The gateway has too much to do', advice: 'Try again in a moment.' },
  draining: { title: 'The gateway is restarting', advice: 'It will be back soon. Try again in a moment.' },
  auth_unavailable: { title: 'Your token cannot be checked right now', advice: 'Try again in a moment.' },
  connection: { title: 'The Copilot service cannot be reached', advice: 'Try again in a moment; if it stays away, tell whoever runs the gateway.' },
  timeout: { title: 'Copilot did not answer in time', advice: 'Try again, or ask something smaller.' },
  idle_timeout: { title: 'Copilot fell silent', advice: 'What arrived is above. Try again.' },
  stream_empty: { title: 'The answer was empty', advice: 'Try again, or ask in other words.' },
  upstream,
  bad_reply: { title: 'The answer was not understood', advice: 'Something between this page and Copilot is not what it should be. Try again.' },
  corrupt: { title: 'The answer was damaged on its way', advice: 'What is above is not reliable. Ask again.' },
  internal: { title: 'The gateway made a mistake', advice: 'Its log says more, by the number below. Try again.' },

  // Errors that the operator has to mend.
  token_missing: { title: 'GitHub Copilot is not configured', advice: 'Whoever runs the gateway has to set COPILOT_GITHUB_TOKEN, or a model provider, and start it again.', remedy: 'none' },
  auth: { title: 'The gateway is not signed in to GitHub Copilot', advice: 'Its token was refused. Whoever runs the gateway has to renew it.', remedy: 'none' },

  // Errors of an answer that had begun.
  length: { title: 'The answer was too long for the model', advice: 'It breaks off where the model had to end. Continue has it go on from there.', remedy: 'continue' },
  filtered: { title: 'A content filter ended the answer', advice: 'What it let through is above. Ask in other words.' },
  abandoned: { title: 'The answer was given up', advice: 'Nobody read it for too long. Ask again.' },
  not_found: { title: 'The gateway no longer has this answer', advice: 'It was kept for a while, or by a gateway that was restarted since. Ask again.' },
  past_the_end: { title: 'The answer cannot be read on', advice: 'Ask again.' },
  client_stalled: { title: 'This page did not keep up', advice: 'Ask again.' },
  max_duration: { title: 'The answer took too long', advice: 'What arrived is above. Ask for something smaller.' },
  answer_too_large: { title: 'The answer became too large', advice: 'What arrived is above. Ask for something smaller.' },
  already_asked: { title: 'This question was asked already', advice: 'Read its answer, or ask anew.' },
  idempotency_mismatch: { title: 'Another question has this key', advice: 'Ask again.' },
  producer_lost: { title: 'The gateway that was fetching the answer is gone', advice: 'What arrived is above. Ask again.' },
  store_unavailable: { title: 'The gateway cannot keep answers right now', advice: 'Try again in a moment.' },
  left: { title: 'The page was left in the middle', advice: 'This answer could not be kept going. Ask again.' }
} satisfies Record<string, Words>))

/** The circumstances of a failure. */
export interface Circumstances {
  /** True when the gateway may still have the answer. */
  readonly resumable?: boolean
  /** True when a part of the answer had arrived. */
  readonly begun?: boolean
}

/** The words and the remedy for a failure. */
export function wordsFor (errorType: string, { resumable = false, begun = false }: Circumstances = {}): Words {
  // An unknown type is the service's own (`sdk`, `spawn`, …): it gets the words for an error of the service.
  const found = words.get(errorType) ?? upstream
  if (resumable && errorType === 'network') return { ...found, remedy: 'resume' }
  // The service was reached when a part of the answer had arrived.
  if (begun && errorType === 'connection') return { title: 'Copilot was cut off in the middle', advice: 'What arrived is above; the rest was lost. Try again.' }
  return found
}

/** The error types that have words of their own. */
export const knownKinds = [...words.keys()]
