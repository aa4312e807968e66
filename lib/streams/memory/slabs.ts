/** The smallest and the largest allocation, in bytes. */
const SMALLEST = 256
const LARGEST = 64 * 1024

/** A piece of memory, and the offset at which it begins. */
interface Slab { readonly from: number, readonly bytes: Buffer }

/**
 * A growing sequence of bytes in few large allocations. A Buffer per chunk would cost about a hundred bytes of overhead, which is
 * most of the cost of a chunk of four bytes. At most a quarter of the memory held is unused.
 */
export class Slabs {
  readonly #slabs: Slab[] = []
  #end = 0

  /** How many bytes were appended in all. */
  get end (): number { return this.#end }

  /** How many of those bytes are still held. */
  get held (): number { return this.#end - (this.#slabs[0]?.from ?? this.#end) }

  append (bytes: Buffer): void {
    for (let from = 0; from < bytes.length;) {
      const { from: begin, bytes: slab } = this.#open(bytes.length - from)
      const copied = bytes.copy(slab, this.#end - begin, from)
      from += copied
      this.#end += copied
    }
  }

  /** A view of the bytes from one offset to another, cut short at the end of the slab. Only for offsets that are still held. */
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

  /** Releases every slab that ends before an offset. */
  release (before: number): void {
    const kept = before === this.#end ? -1 : this.#slabs.findIndex(({ from, bytes }) => from + bytes.length > before)
    this.#slabs.splice(0, kept < 0 ? this.#slabs.length : kept)
  }

  /** Releases the unused rest of the last slab. For when nothing will be appended soon. */
  trim (): void {
    const last = this.#slabs.pop()
    if (!last) return
    const used = last.bytes.subarray(0, this.#end - last.from)
    const bytes = Buffer.allocUnsafeSlow(used.length)
    used.copy(bytes)
    this.#slabs.push({ from: last.from, bytes })
  }

  /** The slab for the next bytes. */
  #open (wanted: number): Slab {
    const last = this.#slabs.at(-1)
    if (last && this.#end < last.from + last.bytes.length) return last
    const size = Math.min(LARGEST, Math.max(SMALLEST, wanted, this.#end >> 2))
    // Outside of Node's pool: a piece of the pool keeps the whole pool in memory.
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
