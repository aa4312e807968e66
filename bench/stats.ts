/** The value below which `share` (0–1) of the values lie, by nearest rank; NaN of none. */
export function percentile (values: readonly number[], share: number): number {
  const sorted = Float64Array.from(values).sort()
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? NaN
}

/** The middle of a distribution and its slow end, in the unit of the values. */
export interface Spread { readonly p50: number, readonly p99: number }

/** Median and 99th percentile. */
export function spread (values: readonly number[]): Spread {
  return { p50: percentile(values, 0.5), p99: percentile(values, 0.99) }
}

/** The lower median. */
export function median (values: readonly number[]): number {
  return percentile(values, 0.5)
}
