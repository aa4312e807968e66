import { Child } from './child.ts'
import type { Variant } from './variants.ts'

/** Something that answers a prompt with a stream, to be compared with others. */
export interface Target {
  readonly name: string
  readonly url: string
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: Readonly<Record<string, unknown>>
  /** Whether the upstream tells its answers in events. */
  readonly events: boolean
  /** The process that is measured. */
  readonly child: Child
}

/** The paced upstream itself, asked without anything between. */
export function direct (upstream: Child): Target {
  return { name: 'direct', url: upstream.url, path: '/chat/stream', headers: {}, body: { mode: 'explain-only' }, events: false, child: upstream }
}

/** Starts a new process of a relay in front of the given upstream. */
export type Start = (upstream: Child) => Promise<Target>

/** The least that can relay (bare.ts). */
export const bare: Start = async upstream => targetOf('bare', await Child.start('bare.js', { COPILOT_SERVICE_URL: upstream.url }))

/** One client asks for as many answers as it likes, and as often: what is measured is not how many may be. */
const UNLIMITED = { RATE_LIMIT_MAX: '1000000', MAX_STREAMS: '1000000', MAX_STREAMS_PER_CALLER: '1000000' }

/** The gateway as it runs in production, its default log level included, asked in the way of a variant. */
export function gateway (variant: Variant): Start {
  return async upstream => targetOf(variant.name, await Child.start(variant.program ?? '../server.js', {
    NODE_ENV: 'production', COPILOT_SERVICE_URL: upstream.url, ...UNLIMITED, ...variant.env
  }), variant)
}

function targetOf (name: string, child: Child, { headers = {}, body = {}, events = false }: Partial<Variant> = {}): Target {
  return { name, url: child.url, path: '/api/chat', headers, body, events, child }
}
