/** One way to ask the gateway, measured in a gateway process of its own. */
export interface Variant {
  readonly name: string
  /** Added to the headers of each request. */
  readonly headers?: Readonly<Record<string, string>>
  /** Added to the body of each request, beside the prompt. */
  readonly body?: Readonly<Record<string, unknown>>
  /** Whether its upstream tells answers in events; absent: as plain text. */
  readonly events?: boolean
  /** Added to the environment of the gateway. */
  readonly env?: Readonly<Record<string, string>>
  /** What is run instead of the gateway as it is, a module beside this one. */
  readonly program?: string
  /** How much CPU time a chunk, and a request, may take, as a multiple of what it takes in another target of the run. */
  readonly cpu: { readonly against: string, readonly perChunk: number, readonly perRequest?: number }
}

/** What is measured beside `direct` and `bare`. A line here is all that another variant needs. */
export const variants: readonly Variant[] = [
  { name: 'plain', program: 'plain.js', cpu: { against: 'bare', perChunk: 1.05 } },
  { name: 'gateway', cpu: { against: 'plain', perChunk: 1.05, perRequest: 1.1 } },
  { name: 'sse', headers: { accept: 'text/event-stream' }, cpu: { against: 'gateway', perChunk: 1.3 } },
  { name: 'parts', events: true, cpu: { against: 'gateway', perChunk: 1.25 } },
  { name: 'parts-sse', events: true, headers: { accept: 'text/event-stream' }, cpu: { against: 'sse', perChunk: 1.25 } },
  // Without a grace, answers that the generator has left would be written on while the next ones are measured.
  { name: 'resumable', headers: { accept: 'text/event-stream' }, body: { resumable: true }, env: { RESUME_GRACE_MS: '0' }, cpu: { against: 'sse', perChunk: 1.2 } }
]
