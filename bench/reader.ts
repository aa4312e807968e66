/** How many chunks a quick reader reads in a second: a chunk is about three quarters of a word, and 450 words a minute are quick. */
const CHUNKS_PER_SECOND = 10

/** Somebody who reads at a steady pace what has arrived of an answer, and waits when there is nothing more. */
export class Reader {
  #waited = 0
  #unread = 0
  #at: number

  /** `at`: when the reading begins, in nanoseconds. */
  constructor (at: number) {
    this.#at = at
  }

  /** How long there was nothing to read so far, in milliseconds. */
  get waited (): number { return this.#waited }

  /** So many chunks have arrived at a time, in nanoseconds. */
  take (chunks: number, at: number): void {
    const couldRead = (at - this.#at) / 1e9 * CHUNKS_PER_SECOND
    this.#waited += Math.max(0, couldRead - this.#unread) / CHUNKS_PER_SECOND * 1000
    this.#unread = Math.max(0, this.#unread - couldRead) + chunks
    this.#at = at
  }
}
