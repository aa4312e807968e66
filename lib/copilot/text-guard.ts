import { isUtf8 } from 'node:buffer'
import { TextDecoder } from 'node:util'
import { CharacterBoundary } from '../utf8.ts'

/** Validates a text chunk by chunk and converts it to UTF-8. */
export interface TextGuard {
  /** Returns the chunk as UTF-8, which may end within a character; undefined when the chunk is not valid in its encoding. */
  push (chunk: Buffer): Buffer | undefined
  /** Returns the rest of the text, usually nothing; undefined when the text ends within a character. */
  end (): Buffer | undefined
}

/**
 * Makes a guard for text in the given encoding, one of the labels of the WHATWG Encoding Standard (§4.2). Returns undefined for an
 * unknown label.
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

/** Checks UTF-8 and passes it on as it is. */
export class Utf8Guard implements TextGuard {
  readonly #boundary = new CharacterBoundary()
  #looked = 0

  push (chunk: Buffer): Buffer | undefined {
    // UTF-16 and UTF-32 without a byte-order mark would pass for UTF-8, because their ASCII characters are padded with NULs, which are
    // valid UTF-8. No real text begins with a NUL, so the first two bytes show it.
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

/** Converts another encoding to UTF-8. */
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
      // A byte-order mark with swapped bytes: the text has the other byte order than declared, and every character would be wrong.
      if (!this.#begun && text.startsWith('\ufffe')) return undefined
      this.#begun ||= text !== ''
      return Buffer.from(text)
    } catch {
      return undefined
    }
  }
}
