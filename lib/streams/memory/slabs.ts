/** The least and the most that is allocated at once, in bytes. */
const SMALLEST = 256
const LARGEST = 64 * 1024

/** A piece of memory, and the offset at which it begins. */
interface Slab { readonly from: number, readonly bytes: Buffer }

/**
 * A growing row of bytes in few pieces of memory, whatever the size of what is appended: a Buffer costs some hundred bytes
 * beside its own, which for a chunk of four is nearly all. At most a quarter of what is held lies idle.
 */
export class Slabs {
  readonly #slabs: Slab[] = []
  #end = 0

  /** How many bytes were appended. */
  get end (): number { return this.#end }

  /** How many of them are held. */
  get held (): number { return this.#end - (this.#slabs[0]?.from ?? this.#end) }

  append (bytes: Buffer): void {
    for (let from = 0; from < bytes.length;) {
      const { from: begin, bytes: slab } = this.#open(bytes.length - from)
      const copied = bytes.copy(slab, this.#end - begin, from)
      from += copied
      this.#end += copied
    }
  }

  /** The bytes from an offset on, as far as they lie together, and at most up to another. To be asked only for what is held. */
  view (from: number, to: number): Buffer {
    const { from: begin, bytes } = this.#at(from)
    return bytes.subarray(from - begin, Math.min(to - begin, bytes.length))
  }

  /** All bytes from one offset to another. */
  range (from: number, to: number): Buffer {
    const views: Buffer[] = []
    for (let at = from; at < to;) {
      const view = this.view(at, to)
      views.push(view)
      at += view.length
    }
    return Buffer.concat(views)
  }

  /** Lets go of the memory that lies before an offset as a whole. */
  release (before: number): void {
    const kept = before === this.#end ? -1 : this.#slabs.findIndex(({ from, bytes }) => from + bytes.length > before)
    this.#slabs.splice(0, kept < 0 ? this.#slabs.length : kept)
  }

  /** Gives back what lies idle. To be called when nothing will be appended soon. */
  trim (): void {
    const last = this.#slabs.pop()
    if (!last) return
    const used = last.bytes.subarray(0, this.#end - last.from)
    const bytes = Buffer.allocUnsafeSlow(used.length)
    used.copy(bytes)
    this.#slabs.push({ from: last.from, bytes })
  }

  /** The slab that the next bytes go into. */
  #open (wanted: number): Slab {
    const last = this.#slabs.at(-1)
    if (last && this.#end < last.from + last.bytes.length) return last
    const size = Math.min(LARGEST, Math.max(SMALLEST, wanted, this.#end >> 2))
    // Not of Node's pool, whose pieces keep each other.
    const slab = { from: this.#end, bytes: Buffer.allocUnsafeSlow(size) }
    this.#slabs.push(slab)
    return slab
  }

  #at (offset: number): Slab {
    let low = 0
    let found = this.#slabs[0]
    for (let high = this.#slabs.length - 1; low <= high;) {
      const middle = (low + high) >> 1
      const slab = this.#slabs[middle]
      if (slab && slab.from <= offset) {
        found = slab
        low = middle + 1
      } else {
        high = middle - 1
      }
    }
    if (!found) throw new RangeError(`nothing is held at ${offset}`)
    return found
  }
}
