/** The base URLs that `COPILOT_SERVICE_URL` names: one, or several, comma-separated; none when it is empty. */
export function serviceUrls (value: string): string[] {
  return value.split(',').map(url => url.trim()).filter(Boolean)
}

/** A URL as it may be shown: its origin and its path, without credentials, query, and the slash behind it. */
export function withoutCredentials (url: string): string {
  const { origin, pathname } = new URL(url)
  return origin + pathname.replace(/\/+$/, '')
}
