import { isUtf8 } from 'node:buffer'
import { TextDecoder } from 'node:util'
import { CharacterBoundary } from '../utf8.ts'

/** Sees to it that the bytes of a text are UTF-8, chunk by chunk. */
export interface TextGuard {
  /** The chunk as UTF-8, which may end within a character; undefined when it is not in the encoding that it should be in. */
  push (chunk: Buffer): Buffer | undefined
  /** What is left of it at its end, mostly nothing; undefined when that is within a character. */
  end (): Buffer | undefined
}

/**
 * A guard for text in an encoding that is declared by one of the WHATWG Encoding Standard's labels (§4.2); undefined when
 * there is no such label.
 */
export function guardFor (charset: string): TextGuard | undefined {
  try {
    const decoder = new TextDecoder(charset, { fatal: true, ignoreBOM: true })
    return decoder.encoding === 'utf-8' ? new Utf8Guard() : new Transcoder(decoder)
  } catch {
    return undefined
  }
}

const NOTHING = Buffer.alloc(0)

/** Lets UTF-8 pass as it is. */
export class Utf8Guard implements TextGuard {
  readonly #boundary = new CharacterBoundary()
  #looked = 0

  push (chunk: Buffer): Buffer | undefined {
    // In UTF-16 and UTF-32 without a byte-order mark, every ASCII character comes with NULs, which are valid UTF-8. No text begins with one.
    if (this.#looked < 2) {
      if (chunk.subarray(0, 2 - this.#looked).includes(0)) return undefined
      this.#looked += chunk.length
    }
    return isUtf8(this.#boundary.push(chunk)) ? chunk : undefined
  }

  end (): Buffer | undefined {
    return this.#boundary.rest.length === 0 ? NOTHING : undefined
  }
}

/** Makes UTF-8 of another encoding. */
class Transcoder implements TextGuard {
  readonly #decoder: TextDecoder
  #begun = false

  constructor (decoder: TextDecoder) {
    this.#decoder = decoder
  }

  push (chunk: Buffer): Buffer | undefined {
    return this.#decode(chunk)
  }

  end (): Buffer | undefined {
    return this.#decode()
  }

  #decode (chunk?: Buffer): Buffer | undefined {
    try {
      const text = this.#decoder.decode(chunk, { stream: chunk !== undefined })
      // A byte-order mark the wrong way round: every character would be another one.
      if (!this.#begun && text.startsWith('\ufffe')) return undefined
      this.#begun ||= text !== ''
      return Buffer.from(text)
    } catch {
      return undefined
    }
  }
}
