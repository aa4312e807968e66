/** `localStorage`, where the browser lets this page have it; it may refuse even to be looked at. */
export function browserStorage (): Storage | undefined {
  try {
    return localStorage
  } catch {
    return undefined
  }
}

/** `sessionStorage`, likewise: it is gone with the tab. */
export function tabStorage (): Storage | undefined {
  try {
    return sessionStorage
  } catch {
    return undefined
  }
}
