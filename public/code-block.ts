import { copy } from './clipboard.ts'
import { button, make } from './dom.ts'
import { highlight } from './highlight.ts'

/** Code in a frame, under a line with its language and buttons that copy and wrap it. */
export function codeBlock (text: string, language: string): HTMLElement {
  const code = make('code', '', ...highlight(text.replace(/\n$/, ''), language.toLowerCase()))
  const pre = make('pre', '', code)
  pre.dir = 'ltr'
  // Long lines are scrolled by keyboard, too.
  pre.tabIndex = 0
  pre.setAttribute('role', 'region')
  pre.setAttribute('aria-label', language ? `Code, ${language}` : 'Code')
  const wrapButton = button('Wrap', () => {
    const wrapped = block.toggleAttribute('data-wrapped')
    wrapButton.setAttribute('aria-pressed', String(wrapped))
  }, 'quiet wrap')
  const copyButton = button('Copy', () => { void copy(code.textContent, code, copyButton) }, 'quiet copy')
  copyButton.setAttribute('aria-label', 'Copy code')
  const block = make('div', 'code', make('div', 'code-head', make('span', 'language', language.slice(0, 24)), wrapButton, copyButton), pre)
  block.dataset.language = language.slice(0, 24)
  return block
}
