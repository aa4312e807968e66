import fp from 'fastify-plugin'
import { CopilotClient, type CopilotClientOptions } from '../lib/copilot/client.ts'
import type { ProxyOptions } from '../lib/copilot/dispatcher.ts'
import type { Call } from '../lib/copilot/upstream.ts'
import { StartError } from '../lib/start-error.ts'
import type { Environment } from './config.ts'

declare module 'fastify' {
  interface FastifyInstance { readonly copilot: CopilotClient }
  interface FastifyRequest {
    /** What a call to the Copilot service on behalf of this request takes along: its abort signal, its id, its trace. */
    readonly upstreamCall: Call
  }
}

/** The headers of a request that the Copilot service gets as they are (W3C Trace Context), unless a span of the gateway's is in between. */
const TRACE_CONTEXT = ['traceparent', 'tracestate']

/** The client of the Copilot service, with its connections, which close with the instance. */
export default fp(async function copilot (app) {
  const { config, copilotService, environment } = app
  const passedOn = config.OTEL_EXPORTER_OTLP_ENDPOINT ? [] : TRACE_CONTEXT
  const client = app.traceAnswers(connect({
    ...copilotService,
    proxy: proxyOf(environment),
    connectTimeout: config.COPILOT_CONNECT_TIMEOUT_MS,
    firstByteTimeout: config.COPILOT_FIRST_BYTE_TIMEOUT_MS,
    idleTimeout: config.COPILOT_IDLE_TIMEOUT_MS,
    streamRetry: config.COPILOT_STREAM_RETRY_MS
  }))
  app.decorate('copilot', client)
  app.decorateRequest('upstreamCall', {
    getter () {
      const headers: Record<string, string> = { 'x-request-id': this.id }
      for (const name of passedOn) {
        const value = this.headers[name]
        if (typeof value === 'string') headers[name] = value
      }
      return { signal: this.exchange.signal, headers }
    }
  })
  app.addHook('onClose', () => client.close())
}, { name: 'copilot', dependencies: ['config', 'exchange', 'tracing', 'companion'] })

/** The proxies of the environment, by curl's names; lower-case names win. */
function proxyOf (environment: Environment): ProxyOptions {
  const variable = (name: string) => environment[name.toLowerCase()] || environment[name] || ''
  return { http: variable('HTTP_PROXY'), https: variable('HTTPS_PROXY'), except: variable('NO_PROXY') }
}

function connect (options: CopilotClientOptions): CopilotClient {
  try {
    return new CopilotClient(options)
  } catch {
    // The original message is dropped, because it may repeat credentials of the URL.
    throw new StartError('HTTP_PROXY and HTTPS_PROXY must be http:// or https:// URLs, and credentials in COPILOT_SERVICE_URL percent-encoded')
  }
}
