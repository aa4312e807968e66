/** Counts seconds down in an element, and lets a button be pressed when they are over. The result ends it early. */
export function countdown (seconds: number, shown: HTMLElement, pressed?: HTMLButtonElement): () => void {
  const end = Date.now() + seconds * 1000
  const tick = (): void => {
    // By the clock: timers of a page that nobody sees are late.
    const left = Math.ceil((end - Date.now()) / 1000)
    if (pressed) pressed.disabled = left > 0
    shown.textContent = left > 0 ? `in ${left} s` : ''
    if (left <= 0) clearInterval(timer)
  }
  const timer = setInterval(tick, 250)
  tick()
  return () => clearInterval(timer)
}
