/** How much one use of a tool may tell the model, in characters. */
const MAX_CHARACTERS = 20_000

/** The lines of a tool's output, as many as fit; `isFull` when one did not. */
export class Lines {
  readonly #lines: string[] = []
  #room = MAX_CHARACTERS
  /** Whether a line was refused for want of room. */
  isFull = false

  /** How many lines were taken. */
  get count (): number { return this.#lines.length }

  /** Takes a line, whole or, when it is longer than all output may be, its beginning. Returns false when there is no room for it. */
  add (line: string): boolean {
    const text = line.slice(0, MAX_CHARACTERS).toWellFormed()
    this.isFull = text.length + 1 > this.#room && this.count > 0
    if (!this.isFull) {
      this.#room -= text.length + 1
      this.#lines.push(text)
    }
    return !this.isFull
  }

  toString (): string {
    return this.#lines.join('\n')
  }
}
