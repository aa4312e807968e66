import { EnvHttpProxyAgent, fetch } from 'undici'
import type { Send } from './sdk-model-calls.ts'

/** The way to models: by the proxies that the environment names, and without a limit of time, which the caller has. */
export class ModelTransport {
  readonly #agent: EnvHttpProxyAgent

  /** Takes the environment of the runtime, with `HTTP_PROXY`, `HTTPS_PROXY`, `ALL_PROXY` and `NO_PROXY`, in either case. */
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

  /** Makes one request. The body is whole already, so it is sent as such. */
  readonly send: Send = async (request, signal) => {
    const { url, method, headers } = request
    const body = method === 'GET' || method === 'HEAD' ? null : new Uint8Array(await request.arrayBuffer())
    try {
      return await fetch(url, { method, headers: [...headers], body, signal, dispatcher: this.#agent })
    } catch (error) {
      // What `fetch` says of a failure is in its cause alone.
      throw error instanceof TypeError && error.cause instanceof Error ? error.cause : error
    }
  }

  /** Breaks off every request. */
  async close (): Promise<void> {
    await this.#agent.destroy()
  }
}
