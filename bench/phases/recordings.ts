import { fork } from 'node:child_process'
import { once } from 'node:events'
import type { Recorded } from '../recorder.ts'

/** How the memory of recordings is measured. */
export interface RecordingsSettings {
  /** How much is recorded, in bytes. */
  readonly bytes: number
  /** The sizes of the chunks that it comes in, each measured in a process of its own. */
  readonly chunks: readonly number[]
}

/** What recorded answers take that came in chunks of one size. */
export interface RecordingMemory extends Recorded {
  /** Bytes of a chunk. */
  readonly chunk: number
}

/** Records in memory, without a gateway around it, and looks at what the process takes for it. */
export async function recordings ({ bytes, chunks }: RecordingsSettings): Promise<RecordingMemory[]> {
  const found: RecordingMemory[] = []
  for (const chunk of chunks) {
    const child = fork(new URL('../recorder.js', import.meta.url), {
      env: { PATH: process.env.PATH, CHUNK: String(chunk), BYTES: String(bytes) },
      execArgv: ['--expose-gc']
    })
    const [recorded] = await once(child, 'message')
    found.push({ chunk, ...recorded })
  }
  return found
}
