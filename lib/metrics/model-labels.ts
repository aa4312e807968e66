/** How many models get a label value of their own. */
const MAX_MODELS = 20
/** How many characters of a model's name are kept. */
const MAX_LENGTH = 100

/** The label value for answers without a model name. */
export const UNKNOWN_MODEL = 'unknown'

/** Maps models to label values and bounds their number: the first {@link MAX_MODELS} models keep their names, all later ones become `other`. */
export class ModelLabels {
  readonly #names = new Set<string>()

  /** The label value of a model, or of an answer without a model. */
  labelOf (model = UNKNOWN_MODEL): string {
    const name = model.slice(0, MAX_LENGTH).toWellFormed()
    if (name === UNKNOWN_MODEL || this.#names.has(name)) return name
    if (this.#names.size >= MAX_MODELS) return 'other'
    this.#names.add(name)
    return name
  }
}
