import { ChatError, networkError, refusal } from './error.ts'

/** The argument of `new Headers()`: the same as `HeadersInit`, which Node's types do not have. */
export type HeadersSource = ConstructorParameters<typeof Headers>[0]

/** Where a gateway is and how to talk to it. */
export interface GatewayOptions {
  /** The URL of the gateway without `/api`: `https://chat.example.com`, with a path if it has a prefix; empty in a page that the gateway itself serves. */
  readonly baseUrl: string
  /** Called for every request, including reconnections. Return `Authorization` here, so that a renewed token is used. */
  readonly headers?: (() => HeadersSource | Promise<HeadersSource>) | undefined
  /** Sends the requests; default: the global `fetch`. */
  readonly fetch?: typeof globalThis.fetch | undefined
}

/**
 * Sends one request to the gateway, without retries. Resolves with a reply with a success status; rejects with a `ChatError`
 * otherwise. An error of `headers` counts as a network failure, unless it is a `ChatError` itself.
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
