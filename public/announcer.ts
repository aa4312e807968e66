import { byId } from './dom.ts'

/** Tells who cannot see the page what has happened: new states and finished answers, never single words. */
export function announce (text: string): void {
  const region = byId('announcer', HTMLElement)
  // The same words twice are no change, and would not be read.
  region.textContent = region.textContent === text ? `${text}\u00a0` : text
}
