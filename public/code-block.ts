import { announce } from './announcer.ts'
import { button, make } from './dom.ts'

/** A frame for code with a button that copies it. */
export function codeBlock (): { readonly block: HTMLElement, readonly code: HTMLElement } {
  const code = make('code')
  const pre = make('pre', '', code)
  // Long lines are scrolled by keyboard, too.
  pre.tabIndex = 0
  pre.setAttribute('role', 'region')
  pre.setAttribute('aria-label', 'Code')
  const copyButton = button('Copy', () => { void copy(code, copyButton) }, 'copy')
  copyButton.setAttribute('aria-label', 'Copy code')
  return { block: make('div', 'code', copyButton, pre), code }
}

/** Copies text; where the browser does not allow it, selects it for the person to copy. */
export async function copy (source: HTMLElement, pressed: HTMLButtonElement): Promise<void> {
  try {
    // Absent in pages that come over plain http from another machine.
    await navigator.clipboard.writeText(source.innerText)
    pressed.textContent = 'Copied'
    announce('Copied')
  } catch {
    getSelection()?.selectAllChildren(source)
    pressed.textContent = 'Selected'
    announce('Selected: copy it with your keyboard')
  }
  pressed.addEventListener('blur', () => { pressed.textContent = 'Copy' }, { once: true })
}
