import { Readable } from 'node:stream'

/** A stream that can be cut: it fails once everything that was pushed before has been read. */
export abstract class Cuttable extends Readable {
  #failure: Error | undefined

  /** Makes the stream fail after everything pushed so far has been read. Nothing may be pushed after this call. */
  cut (failure: Error): void {
    this.#failure = failure
    this.#fail(failure)
  }

  /** Asks for more to be pushed. */
  protected abstract more (): void

  override _read (): void {
    if (this.#failure) this.#fail(this.#failure)
    else this.more()
  }

  /** Destroying takes away what is still to be read. An empty chunk has Node ask again when that has been read. */
  #fail (failure: Error): void {
    if (this.readableLength > 0) this.push('')
    else this.destroy(failure)
  }
}
