import { byId } from './dom.ts'

/** Announces new states and finished answers to screen readers, never single words. */
export function announce (text: string): void {
  const region = byId('announcer', HTMLElement)
  // A screen reader announces only changes: the appended space makes a repeated text a change.
  region.textContent = region.textContent === text ? `${text}\u00a0` : text
}
