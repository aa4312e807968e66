/**
 * Reads how long a `Retry-After` header (RFC 9110 §10.2.3) asks to wait, in whole seconds, rounded up. Of several values the first
 * counts. Fractions and dates are understood. Returns undefined when there is no readable value.
 */
export function retryAfter (value: string | string[] | undefined, now = Date.now()): number | undefined {
  const [first = ''] = [value ?? []].flat()
  const seconds = /^\s*(\d{1,9}(?:\.\d*)?)\s*(?:,|$)/.exec(first)?.[1]
  if (seconds !== undefined) return Math.ceil(Number(seconds))
  // Of the three formats of a date (RFC 9110 §5.6.7), that of asctime names no time zone. It means GMT, as the others do.
  const date = /^\s*[A-Z][a-z]+,? [\w :-]{8,30}/.test(first) ? Date.parse(first.replace(/ \d{4}\s*$/, '$& GMT')) : NaN
  return Number.isNaN(date) ? undefined : Math.max(0, Math.ceil((date - now) / 1000))
}
