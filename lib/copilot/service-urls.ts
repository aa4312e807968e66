/** Splits the value of `COPILOT_SERVICE_URL` into its comma-separated base URLs; an empty value has none. */
export function serviceUrls (value: string): string[] {
  return value.split(',').map(url => url.trim()).filter(Boolean)
}

/** Returns a URL in the form in which it may be shown: its origin and path, without credentials, query and trailing slash. */
export function withoutCredentials (url: string): string {
  const { origin, pathname } = new URL(url)
  return origin + pathname.replace(/\/+$/, '')
}
