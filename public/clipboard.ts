import { announce } from './announcer.ts'

/** Copies a text when its button is pressed; where the browser does not allow it, selects `shown` for the person to copy. */
export async function copy (text: string, shown: HTMLElement, pressed: HTMLButtonElement): Promise<void> {
  const label = pressed.textContent
  try {
    // Absent in pages that come over plain http from another machine.
    await navigator.clipboard.writeText(text)
    pressed.textContent = 'Copied'
    announce('Copied')
  } catch {
    getSelection()?.selectAllChildren(shown)
    pressed.textContent = 'Selected'
    announce('Selected: copy it with your keyboard')
  }
  pressed.addEventListener('blur', () => { pressed.textContent = label }, { once: true })
}
