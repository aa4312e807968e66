/** The element of index.html with an id; `type` is its class. */
export function byId<T extends HTMLElement> (id: string, type: new () => T): T {
  const element = document.getElementById(id)
  if (!(element instanceof type)) throw new Error(`index.html has no ${type.name} #${id}`)
  return element
}

/** Makes an element. Children that are strings become text, never markup. */
export function make<K extends keyof HTMLElementTagNameMap> (tag: K, className = '', ...children: Array<Node | string>): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag)
  if (className) element.className = className
  element.append(...children)
  return element
}

/** Makes a button with a label and a click handler. */
export function button (label: string, onClick: () => void, className = 'quiet'): HTMLButtonElement {
  const element = make('button', className, label)
  element.type = 'button'
  element.addEventListener('click', onClick)
  return element
}
