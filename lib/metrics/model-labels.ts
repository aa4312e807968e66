/** How many models have a label of their own. */
const MAX_MODELS = 20
/** How many characters of a model's name are kept. */
const MAX_LENGTH = 100

/** The label of answers that no model is named for. */
export const UNKNOWN_MODEL = 'unknown'

/** Gives models the values of a label, and bounds their number: the first ones have their names, and all others are `other`. */
export class ModelLabels {
  readonly #names = new Set<string>()

  /** The label of a model, or of an answer without one. */
  labelOf (model = UNKNOWN_MODEL): string {
    const name = model.slice(0, MAX_LENGTH).toWellFormed()
    if (name === UNKNOWN_MODEL || this.#names.has(name)) return name
    if (this.#names.size >= MAX_MODELS) return 'other'
    this.#names.add(name)
    return name
  }
}
