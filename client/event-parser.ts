/** A server-sent event. `event` is `message` when the frame has no event name; `id` is the id in this frame, not an earlier one. */
export interface RawEvent {
  readonly event: string
  readonly id: string | undefined
  readonly data: string
}

/**
 * Parses server-sent events (WHATWG HTML §9.2.6) from chunks that may end anywhere: within a line, a line end or a character. An
 * event is complete with its empty line; an incomplete event at the end of the stream is discarded.
 */
export class EventParser {
  readonly #decoder = new TextDecoder()
  #line = ''
  #afterReturn = false
  #event = ''
  #id: string | undefined
  #data: string | undefined

  /** Takes the next bytes and returns the events that are complete with them. */
  push (bytes: Uint8Array): RawEvent[] {
    let text = this.#decoder.decode(bytes, { stream: true })
    if (text === '') return []
    // CR LF is one line end, even when CR and LF are in different chunks.
    if (this.#afterReturn && text.startsWith('\n')) text = text.slice(1)
    this.#afterReturn = text.endsWith('\r')

    const events: RawEvent[] = []
    text.split(/\r\n|\r|\n/).forEach((part, index) => {
      if (index > 0) this.#endLine(events)
      // Chunks of a long line are only concatenated here: searching the whole line again for every chunk would take quadratic time.
      this.#line += part
    })
    return events
  }

  #endLine (events: RawEvent[]): void {
    if (this.#line === '') this.#dispatch(events)
    else this.#field(this.#line)
    this.#line = ''
  }

  #field (line: string): void {
    const colon = line.indexOf(':')
    const name = colon === -1 ? line : line.slice(0, colon)
    const value = colon === -1 ? '' : line.slice(colon + 1).replace(/^ /, '')
    if (name === 'event') this.#event = value
    else if (name === 'data') this.#data = this.#data === undefined ? value : `${this.#data}\n${value}`
    else if (name === 'id' && !value.includes('\0')) this.#id = value
  }

  #dispatch (events: RawEvent[]): void {
    if (this.#data !== undefined) events.push({ event: this.#event || 'message', id: this.#id, data: this.#data })
    this.#event = ''
    this.#id = this.#data = undefined
  }
}
