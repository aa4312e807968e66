import type { Test } from 'tap'
import type { Gateway } from '../helper.ts'

const secret = (name: string): string => `hush-${name}-7f3a9c51`

/** What the gateway knows and nobody may learn from it. The key is the one that the faults' client shows. */
export const environment = {
  COPILOT_SERVICE_TOKEN: secret('service'),
  AUTH_MODE: 'api-key',
  API_KEYS: `client:${secret('key')},other:${secret('other-key')}`,
  JWT_SECRET: secret('jwt'),
  METRICS_TOKEN: secret('metrics'),
  COPILOT_GITHUB_TOKEN: secret('github'),
  COPILOT_PROVIDER_API_KEY: secret('provider')
}

/** What clients say of themselves. */
export const headers = {
  'X-API-Key': secret('key'),
  Authorization: `Bearer ${secret('bearer')}`,
  Cookie: `session=${secret('cookie')}`,
  'Proxy-Authorization': `Basic ${secret('proxy')}`
}

/** What a client asks: it is for the Copilot service alone. */
export const prompt = secret('prompt')

/** Looks for all of them, in what clients have received and in all that the gateway says of itself. */
export async function nothingIsTold (t: Test, { app, log }: Gateway, received: string): Promise<void> {
  const told = { received, log: JSON.stringify(log.lines), metrics: await app.metrics.text() }
  for (const [where, text] of Object.entries(told)) t.strictSame(text.match(/hush-[\w-]+/g), null, `no secret in ${where}`)
}
