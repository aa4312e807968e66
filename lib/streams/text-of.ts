import { Readable } from 'node:stream'
import type { Part } from '../answer/answer.ts'

/** The text of {@link Part}s, as bytes. Ends and fails as its parts do, after all there is; destroying it destroys them. */
export class TextOf extends Readable {
  readonly #parts: Readable
  #failure: Error | undefined

  constructor (parts: Readable) {
    super()
    this.#parts = parts
    parts.on('data', (part: Part) => {
      if (part.type === 'text' && !this.push(part.bytes)) parts.pause()
    })
    parts.once('end', () => this.push(null)).once('error', error => {
      this.#failure = error
      this.#failed(error)
    })
  }

  /** Destroying takes away what is still to be read. An empty chunk has Node ask again when that has been read. */
  #failed (failure: Error): void {
    if (this.readableLength > 0) this.push('')
    else this.destroy(failure)
  }

  override _read (): void {
    if (this.#failure) this.#failed(this.#failure)
    else this.#parts.resume()
  }

  override _destroy (error: Error | null, done: (error: Error | null) => void): void {
    this.#parts.destroy()
    done(error)
  }
}
