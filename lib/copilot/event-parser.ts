import { StringDecoder } from 'node:string_decoder'
import { createParser, type EventSourceMessage } from 'eventsource-parser'

/** The largest event and the longest line that are accepted, in UTF-16 code units. */
const MAX_EVENT = 4 * 1024 * 1024

/**
 * A parser of server-sent events (WHATWG HTML §9.2.6) that takes UTF-8 in chunks, wherever they are split. `onEvent` is
 * called for every event that is complete, with its name and its data.
 */
export class EventParser {
  /** True once an event or a line was too large; nothing more is parsed. */
  tooLarge = false
  readonly #decoder = new StringDecoder('utf8')
  readonly #parser
  #begun = false
  #afterReturn = false

  constructor (onEvent: (message: EventSourceMessage) => void) {
    this.#parser = createParser({
      onEvent,
      onError: ({ type }) => { this.tooLarge ||= type === 'max-buffer-size-exceeded' },
      maxBufferSize: MAX_EVENT
    })
  }

  push (chunk: Buffer): void {
    let text = this.#decoder.write(chunk)
    if (text === '' || this.tooLarge) return
    if (!this.#begun && text.startsWith('\ufeff')) text = text.slice(1)
    this.#begun = true
    // CR LF is one line end, even when the newline comes with the next chunk.
    if (this.#afterReturn && text.startsWith('\n')) text = text.slice(1)
    this.#afterReturn = text.endsWith('\r')
    this.#parser.feed(this.#afterReturn ? text + '\n' : text)
  }
}
