import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'

/** The options of the command line. */
export const { values: options } = parseArgs({
  options: {
    /** A few seconds instead of a minute and a half. */
    quick: { type: 'boolean', default: false },
    /** Comma-separated names of variants; default all. */
    only: { type: 'string' },
    /** Where the JSON goes. */
    out: { type: 'string', default: fileURLToPath(new URL('../../bench/results/latest.json', import.meta.url)) },
    /** A directory for CPU profiles of the processes; profiling makes everything slower. */
    profile: { type: 'string' }
  }
})
