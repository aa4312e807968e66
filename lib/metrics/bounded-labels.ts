/** How many characters of a name are kept. */
const MAX_LENGTH = 100

/** The label value for something whose name is not known. */
export const UNKNOWN = 'unknown'

/** Maps names from outside to label values and bounds their number: the first `max` names are kept, all later ones become `other`. */
export class BoundedLabels {
  readonly #max: number
  readonly #names = new Set<string>()

  constructor (max: number) {
    this.#max = max
  }

  /** The label value of a name, or of something without a name. */
  labelOf (name = UNKNOWN): string {
    const label = name.slice(0, MAX_LENGTH).toWellFormed()
    if (label === UNKNOWN || this.#names.has(label)) return label
    if (this.#names.size >= this.#max) return 'other'
    this.#names.add(label)
    return label
  }
}
