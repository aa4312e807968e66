import { ChatError, networkError, refusal } from './error.ts'

/** What `new Headers()` takes: `HeadersInit`, by a name that Node's types know as well. */
export type HeadersSource = ConstructorParameters<typeof Headers>[0]

/** Where a gateway is and how to talk to it. */
export interface GatewayOptions {
  /** Where the gateway is: `https://chat.example.com`, or with a path in front of `/api`; empty in a page that the gateway itself serves. */
  readonly baseUrl: string
  /** Called for each request, the client's own reconnections included: the place for `Authorization`, so that a token can be renewed. */
  readonly headers?: (() => HeadersSource | Promise<HeadersSource>) | undefined
  /** Sends the requests; default: the global `fetch`. */
  readonly fetch?: typeof globalThis.fetch | undefined
}

/**
 * Sends one request to the gateway, once. Resolves with a reply whose status is a success; rejects with a `ChatError`
 * otherwise. What `headers` rejects with is taken for a failure of the network, unless it is a `ChatError` itself.
 */
export type Send = (path: string, init?: RequestInit) => Promise<Response>

/** Makes the function that sends requests to a gateway. */
export function gateway ({ baseUrl, headers, fetch = globalThis.fetch.bind(globalThis) }: GatewayOptions): Send {
  const base = baseUrl.replace(/\/+$/, '')
  return async (path, init) => {
    let response: Response
    try {
      const all = new Headers(await headers?.())
      new Headers(init?.headers).forEach((value, name) => all.set(name, value))
      response = await fetch(`${base}${path}`, { ...init, headers: all })
    } catch (error) {
      throw error instanceof ChatError ? error : networkError('The gateway cannot be reached', error)
    }
    if (!response.ok) throw await refusal(response)
    return response
  }
}
