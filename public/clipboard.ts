import { announce } from './announcer.ts'

/** Copies a text when its button is pressed. If the browser does not allow that, it selects `shown`, so that the person can copy it. */
export async function copy (text: string, shown: HTMLElement, pressed: HTMLButtonElement): Promise<void> {
  const label = pressed.textContent
  try {
    // The clipboard exists only in secure contexts (https and localhost).
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
