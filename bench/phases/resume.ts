import { request } from 'undici'
import { type Spread, spread } from '../stats.ts'
import type { Target } from '../target.ts'

/** How resuming is measured. */
export interface ResumeSettings {
  /** How often the recorded answer is read anew. */
  readonly readings: number
  /** Size of the recorded answer in bytes. */
  readonly bytes: number
}

/** How long a target that records answers takes to the first byte of one that it has recorded; milliseconds. */
export async function resume (target: Target, { readings, bytes }: ResumeSettings): Promise<Spread> {
  const chunk = 1000
  const prompt = JSON.stringify({ chunks: Math.ceil(bytes / chunk), everyMs: 1, bytes: chunk })
  const { headers, body } = await request(target.url + target.path, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...target.headers },
    body: JSON.stringify({ prompt, ...target.body })
  })
  await body.dump({ limit: Infinity })

  const firstByte: number[] = []
  for (let reading = 0; reading < readings; reading++) {
    const begun = performance.now()
    const { body } = await request(`${target.url}${target.path}/${String(headers['x-stream-id'])}`, { headers: target.headers })
    await new Promise<void>((resolve, reject) => body.once('error', reject).once('readable', () => resolve()))
    firstByte.push(performance.now() - begun)
    await body.dump({ limit: Infinity })
  }
  return spread(firstByte)
}
