import { byId } from './dom.ts'

/** The keys that work everywhere on the page, and the sheet that lists them. */
export function shortcuts ({ newChat }: { readonly newChat: () => void }): void {
  const sheet = byId('shortcuts', HTMLDialogElement)
  byId('shortcuts-toggle', HTMLButtonElement).addEventListener('click', () => sheet.showModal())
  document.addEventListener('keydown', event => {
    const writing = event.target instanceof HTMLElement && event.target.matches('input, select, textarea') && !(event.target instanceof HTMLTextAreaElement && event.target.value === '')
    if (event.key === '?' && !writing && !document.querySelector('dialog[open]')) {
      event.preventDefault()
      sheet.showModal()
    } else if (event.key.toLowerCase() === 'o' && event.shiftKey && (event.ctrlKey || event.metaKey)) {
      event.preventDefault()
      newChat()
    }
  })
}
