/** Counts seconds down in an element, and enables a button at the end. Returns a function that ends the countdown early. */
export function countdown (seconds: number, shown: HTMLElement, pressed?: HTMLButtonElement): () => void {
  const end = Date.now() + seconds * 1000
  const tick = (): void => {
    // Measured by the clock, because browsers delay the timers of hidden pages.
    const left = Math.ceil((end - Date.now()) / 1000)
    if (pressed) pressed.disabled = left > 0
    shown.textContent = left > 0 ? `in ${left} s` : ''
    if (left <= 0) clearInterval(timer)
  }
  const timer = setInterval(tick, 250)
  tick()
  return () => clearInterval(timer)
}
