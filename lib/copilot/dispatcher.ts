import { type Dispatcher, EnvHttpProxyAgent, Pool } from 'undici'
import { isLoopbackHost } from '../loopback.ts'
import { spreading } from './addresses.ts'

/** The proxies between the gateway and its services, as curl knows them; empty: none. */
export interface ProxyOptions {
  /** The proxy for `http:` services: a URL, with credentials if it wants any. */
  readonly http: string
  /** The proxy for `https:` services; empty: the same as `http`. */
  readonly https: string
  /** Comma-separated host names and domains that are connected to without a proxy; `*`: all. */
  readonly except: string
}

/** The connections to one origin. */
export interface Connections {
  readonly dispatcher: Dispatcher
  /** The number of sockets, by state. */
  readonly sockets: { readonly connected: number, readonly free: number, readonly running: number }
}

/**
 * Makes the connections to an origin, through a proxy if one is configured, but never for loopback. Both `http:` and `https:` use
 * CONNECT (RFC 9110 §9.3.6), so that a proxy neither sees questions nor buffers answers. Durations in milliseconds. Throws for an
 * invalid proxy URL.
 */
export function connect (url: URL, connectTimeout: number, idleTimeout: number, proxy: ProxyOptions): Connections {
  const options: Pool.Options = {
    // No limit of connections: excess calls would wait in a queue where they cannot be aborted. `MAX_STREAMS` limits the calls.
    connections: null,
    pipelining: 1,
    connect: { timeout: connectTimeout, lookup: spreading() },
    // The gateway's own timer for the first byte is more precise than undici's.
    headersTimeout: 0,
    bodyTimeout: idleTimeout
  }
  if ((!proxy.http && !proxy.https) || isLoopbackHost(url.host)) {
    const pool = new Pool(url.origin, options)
    return { dispatcher: pool, get sockets () { return pool.stats } }
  }

  for (const address of [proxy.http, proxy.https]) {
    if (address && !/^https?:$/.test(new URL(address).protocol)) throw new TypeError('no proxy that speaks HTTP')
  }
  // The agent makes the pool of the origin with the first request.
  let pool: Pool | undefined
  const dispatcher = new EnvHttpProxyAgent({
    ...options,
    // undici reads the process's environment for those that are undefined.
    httpProxy: proxy.http,
    httpsProxy: proxy.https,
    noProxy: proxy.except,
    proxyTls: { timeout: connectTimeout },
    requestTls: { timeout: connectTimeout },
    // Without a timeout, a proxy that accepts connections but does not answer CONNECT would hold one for each question: undici does not abort the CONNECT request.
    clientFactory: (origin: URL, opts: Pool.Options) => new Pool(origin, { ...opts, headersTimeout: connectTimeout }),
    factory: (origin: URL, opts: Pool.Options) => (pool = new Pool(origin, opts))
  })
  return { dispatcher, get sockets () { return pool?.stats ?? NO_SOCKETS } }
}

const NO_SOCKETS = { connected: 0, free: 0, running: 0 }
