import { median, peaks } from './measurement.ts'

const SVG = 'http://www.w3.org/2000/svg'
const WIDTH = 320
const HEIGHT = 96
const MAX_BARS = 80

/** Draws the gaps between pieces as bars, the oldest on the left. */
export function plot (gaps: readonly number[]): SVGElement {
  const bars = peaks(gaps, MAX_BARS)
  const most = Math.max(1, ...bars)
  const step = WIDTH / Math.max(bars.length, 20)
  const chart = svg('svg', { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: 'img', 'aria-label': summary(gaps) })
  bars.forEach((gap, index) => {
    const height = Math.max(1, gap / most * (HEIGHT - 2))
    chart.append(svg('rect', { x: index * step, y: HEIGHT - height, width: Math.max(1, step - 1), height, rx: Math.min(1.5, step / 3) }))
  })
  return chart
}

/** Describes the gaps in words. */
export function summary (gaps: readonly number[]): string {
  const middle = median(gaps)
  if (middle === undefined) return 'No gaps yet'
  return `${gaps.length} ${gaps.length === 1 ? 'gap' : 'gaps'}, typically ${Math.round(middle)} ms, at most ${Math.round(gaps.reduce((most, gap) => Math.max(most, gap), 0))} ms`
}

function svg (tag: 'svg' | 'rect', attributes: Record<string, string | number>): SVGElement {
  const element = document.createElementNS(SVG, tag)
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, String(value))
  return element
}
