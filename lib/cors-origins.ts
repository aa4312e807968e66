import { StartError } from './start-error.ts'

/** Reads `CORS_ORIGIN`: origins, comma-separated, or `*`. Throws a {@link StartError} for what is none. */
export function corsOrigins (list: string): string[] {
  const origins = list.split(',').map(origin => origin.trim()).filter(Boolean)
  for (const origin of origins) {
    if (origin !== '*' && !isOrigin(origin)) throw new StartError(`CORS_ORIGIN must be * or comma-separated origins such as https://app.example.com; ${origin} is not one`)
  }
  return origins
}

/** True for what browsers send as `Origin` (WHATWG URL §4.7): a scheme, a host, a port that is not the scheme's own, and no more. */
function isOrigin (text: string): boolean {
  // A host with a wildcard parses, and would never match.
  return !text.includes('*') && URL.canParse(text) && new URL(text).origin === text
}
