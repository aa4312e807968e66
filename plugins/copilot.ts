import fp from 'fastify-plugin'
import { CALLER_TOKEN, callerToken, refuseCallerTokens } from '../lib/copilot/caller-token.ts'
import { CopilotClient, type CopilotClientOptions } from '../lib/copilot/client.ts'
import type { ProxyOptions } from '../lib/copilot/dispatcher.ts'
import { Failover, type Watch } from '../lib/copilot/failover.ts'
import { serviceUrls } from '../lib/copilot/service-urls.ts'
import type { Call, Upstream } from '../lib/copilot/upstream.ts'
import { StartError } from '../lib/start-error.ts'
import type { Environment } from './config.ts'

declare module 'fastify' {
  interface FastifyInstance { readonly copilot: Upstream }
  interface FastifyRequest {
    /** What a call to a Copilot service on behalf of this request takes along: its abort signal, its id, its trace. */
    readonly upstreamCall: Call
  }
}

/** The headers of a request that the Copilot service gets as they are (W3C Trace Context), unless a span of the gateway's is in between. */
const TRACE_CONTEXT = ['traceparent', 'tracestate']

/** The Copilot service, or several as one, with the connections to them, which close with the instance. */
export default fp(async function copilot (app) {
  const { config, copilotService, environment } = app
  refuseCallerTokens(config)
  const passedOn = config.OTEL_EXPORTER_OTLP_ENDPOINT ? [] : TRACE_CONTEXT
  const watch: Watch = {
    passedOn: (failure, { headers }) => {
      app.metrics.failure(failure)
      app.log.info({ requestId: headers['x-request-id'], upstream: failure.source?.url, errorType: failure.errorType }, 'a question goes on to the next Copilot service')
    },
    leftOut: (upstream, errorType) => app.log.warn({ upstream, errorType }, 'a Copilot service keeps failing, and is left out'),
    back: upstream => app.log.info({ upstream }, 'a Copilot service is back')
  }
  const client = app.traceAnswers(connect(serviceUrls(copilotService.url), watch, {
    token: copilotService.token,
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
      const call = { signal: this.exchange.signal, headers }
      const token = config.COPILOT_CALLER_TOKENS === '' ? undefined : callerToken(this.headers[CALLER_TOKEN])
      if (token === undefined) return call
      headers[CALLER_TOKEN] = token
      return { ...call, secrets: [token] }
    }
  })
  app.addHook('onClose', () => client.close())
}, { name: 'copilot', dependencies: ['config', 'exchange', 'tracing', 'metrics', 'companion'] })

/** The proxies of the environment, by curl's names; lower-case names win. */
function proxyOf (environment: Environment): ProxyOptions {
  const variable = (name: string) => environment[name.toLowerCase()] || environment[name] || ''
  return { http: variable('HTTP_PROXY'), https: variable('HTTPS_PROXY'), except: variable('NO_PROXY') }
}

function connect (urls: readonly string[], watch: Watch, options: Omit<CopilotClientOptions, 'url' | 'retryUnsent'>): Upstream {
  try {
    // Where there is another service to ask, that is better than to ask the same one again.
    const clients = urls.map(url => new CopilotClient({ ...options, url, retryUnsent: urls.length === 1 }))
    return clients.length === 1 && clients[0] ? clients[0] : new Failover(clients, watch)
  } catch {
    // The original message is dropped, because it may repeat credentials of the URL.
    throw new StartError('HTTP_PROXY and HTTPS_PROXY must be http:// or https:// URLs, and credentials in COPILOT_SERVICE_URL percent-encoded')
  }
}
