/** What of a report of Node (`process.report.getReport()`) says how many descriptors there may be. */
interface Report { readonly userLimits?: { readonly open_files?: { readonly soft?: unknown } } }

/** How many connections and answers the descriptors of a process are enough for. */
export interface DescriptorRoom {
  /** Connections at once; further ones are refused. */
  readonly connections: number
  /** Answers at once: fewer than connections, so that who gets none can be told so. */
  readonly answers: number
}

/** What a process has open besides: pipes, libuv's own, files that are read, name lookups, a log, metrics, a margin. */
const BESIDES = 48
/** How many of the connections answers may have; the rest is for those who are told so, who stop answers, who look after the process. */
const FOR_ANSWERS = 0.75

let known: number | undefined

/**
 * How many descriptors this process may have open, Infinity where the system does not say. Node raises the soft limit to the hard
 * one as it starts. To be asked at the start: where descriptors have run out, there is none left to ask with. A report takes 13 ms
 * to make, and is made once.
 */
export function descriptorLimit (): number {
  known ??= limitIn(process.report.getReport())
  return known
}

/** The limit that a report of Node tells, Infinity where it tells none. */
export function limitIn (report: Report): number {
  const limit = Number(report.userLimits?.open_files?.soft)
  return Number.isNaN(limit) ? Infinity : limit
}

/** How many connections and answers a limit of descriptors has room for; `perAnswer` is how many descriptors an answer takes, its reader's connection included. */
export function descriptorRoom (limit: number, perAnswer: number): DescriptorRoom {
  const connections = Math.max(4, Math.floor((limit - BESIDES) / perAnswer))
  return { connections, answers: Math.floor(connections * FOR_ANSWERS) }
}
