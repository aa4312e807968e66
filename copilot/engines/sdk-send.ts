import { EnvHttpProxyAgent, fetch } from 'undici'
import type { Send } from './sdk-model-calls.ts'

/** Sends requests to models through the proxies of the environment. It sets no timeout, because the caller does. */
export class ModelTransport {
  readonly #agent: EnvHttpProxyAgent

  /** Reads `HTTP_PROXY`, `HTTPS_PROXY`, `ALL_PROXY` and `NO_PROXY`, in upper or lower case, from the environment of the runtime. */
  constructor (environment: Readonly<Record<string, string>>) {
    const proxy = (name: string) => environment[name] ?? environment[name.toLowerCase()]
    this.#agent = new EnvHttpProxyAgent({
      httpProxy: proxy('HTTP_PROXY') ?? proxy('ALL_PROXY') ?? '',
      httpsProxy: proxy('HTTPS_PROXY') ?? proxy('ALL_PROXY') ?? '',
      noProxy: proxy('NO_PROXY') ?? '',
      headersTimeout: 0,
      bodyTimeout: 0
    })
  }

  /** Makes one request. Its body is already complete in memory and is sent in one piece. */
  readonly send: Send = async (request, signal) => {
    const { url, method, headers } = request
    const body = method === 'GET' || method === 'HEAD' ? null : new Uint8Array(await request.arrayBuffer())
    try {
      return await fetch(url, { method, headers: [...headers], body, signal, dispatcher: this.#agent })
    } catch (error) {
      // Only the `cause` of an error from `fetch` says what failed.
      throw error instanceof TypeError && error.cause instanceof Error ? error.cause : error
    }
  }

  /** Aborts every request. */
  async close (): Promise<void> {
    await this.#agent.destroy()
  }
}
