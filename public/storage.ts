/** `localStorage`; undefined where the browser denies it: then even access to the property throws. */
export function browserStorage (): Storage | undefined {
  try {
    return localStorage
  } catch {
    return undefined
  }
}

/** `sessionStorage`, which lasts until the tab is closed; undefined where the browser denies it. */
export function tabStorage (): Storage | undefined {
  try {
    return sessionStorage
  } catch {
    return undefined
  }
}
