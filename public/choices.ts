import type { Model } from '../client/index.ts'
import { byId } from './dom.ts'
import { browserStorage } from './storage.ts'

/** The mode and the model of a question. */
export interface Choice {
  readonly mode: 'explain-only' | 'project-helper'
  readonly model: string | undefined
}

const NAME = 'copilot-stream-gateway:choice'

/** The selectors of mode and model. The choice is stored in this browser. */
export class Choices {
  readonly #mode = byId('mode', HTMLSelectElement)
  readonly #model = byId('model', HTMLSelectElement)
  /** The chosen model; it may not be in the list of models yet. */
  #wanted = ''

  constructor () {
    for (const select of [this.#mode, this.#model]) select.addEventListener('change', () => this.#choose())
    try {
      const { mode, model }: { mode?: unknown, model?: unknown } = JSON.parse(browserStorage()?.getItem(NAME) ?? '{}')
      if (mode === 'project-helper') this.#mode.value = mode
      if (typeof model === 'string') this.#wanted = model
    } catch {
      // A stored choice that cannot be read is ignored.
    }
  }

  get current (): Choice {
    return {
      mode: this.#mode.value === 'project-helper' ? 'project-helper' : 'explain-only',
      model: (this.#model.options.length > 1 ? this.#model.value : this.#wanted) || undefined
    }
  }

  /** Offers the models of the service, besides the default that leaves the choice to the service. */
  offer (models: readonly Model[]): void {
    this.#model.replaceChildren(new Option('Default model', ''), ...models.map(({ id, name }) => new Option(name ?? id, id)))
    this.#model.value = models.some(({ id }) => id === this.#wanted) ? this.#wanted : ''
  }

  #choose (): void {
    this.#wanted = this.#model.value
    try {
      browserStorage()?.setItem(NAME, JSON.stringify({ mode: this.current.mode, model: this.#wanted }))
    } catch {
      // Without storage the choice lasts until the page is closed.
    }
  }
}
