import type { Readable } from 'node:stream'
import { type Answer, type Part, streamOf } from '../answer/answer.ts'
import type { Exchange } from '../answer/exchange.ts'
import { Cuttable } from './cuttable.ts'
import type { Protocol } from './protocol.ts'
import { inJson, inText, inTextAlone } from './refusals.ts'
import { emptyAnswer, incompleteAnswer } from './incomplete-answer.ts'

/**
 * Plain text: what the answer says, and nothing else. The service's own body is the reply as it is, so that its backpressure
 * reaches the service by itself and no chunk is looked at. An answer that is not whole is cut.
 */
export const text: Protocol = {
  name: 'text',
  headers: { 'Content-Type': 'text/plain; charset=utf-8' },
  async tell (pending, exchange) {
    const answer = await pending
    exchange.began(answer)
    // A streamed body is plain text, which has no finish reason, and is passed on as it is.
    return answer.body && answer.delivery === 'stream' ? answer.body : await new TextStream(answer, exchange).begun
  },
  refuse: inText
}

/** Plain text with errors as JSON, for clients that prefer that. */
export const textOrJson: Protocol = { ...text, refuse: inJson }

/** Plain text with every error as text, for clients that show an error's body as it is. */
export const textAlone: Protocol = { ...text, refuse: inTextAlone }

/** The text of an answer in parts. */
class TextStream extends Cuttable {
  /** Resolves when there is text, or none is left to come; rejects with what failed before, which still can have a status. */
  readonly begun: Promise<Readable>
  readonly #source: Readable
  #begin!: () => void
  #refuse: ((failure: Error) => void) | undefined

  constructor (answer: Answer, exchange: Exchange) {
    super()
    const source = this.#source = streamOf(answer)
    this.begun = new Promise((resolve, reject) => {
      this.#refuse = reject
      this.#begin = () => {
        this.#refuse = undefined
        resolve(this)
      }
    })
    let { bytes } = answer.offset
    const write = (text: Buffer): void => {
      bytes += text.length
      if (this.#refuse && text.length > 0) this.#begin()
      if (!this.push(text)) source.pause()
    }
    source.on('data', answer.body ? write : (part: Part) => { if (part.type === 'text') write(part.bytes) })
    source.once('error', (error: Error) => this.#fail(error))
    // Until there is text, nobody else has this stream, and would let go of it.
    exchange.onOver(() => this.destroy())
    source.once('end', () => {
      const ending = answer.ending()
      const failure = emptyAnswer(ending, bytes) ?? incompleteAnswer(ending)
      if (failure) {
        exchange.fail(failure)
        this.#fail(failure)
      } else {
        this.push(null)
        this.#begin()
      }
    })
  }

  #fail (failure: Error): void {
    if (this.#refuse) this.destroy(failure)
    else this.cut(failure)
  }

  protected override more (): void {
    this.#source.resume()
  }

  override _destroy (error: Error | null, done: (error: Error | null) => void): void {
    this.#source.destroy()
    if (!this.#refuse) return done(error)
    this.#refuse(error ?? new Error('the reader has left'))
    done(null)
  }
}
