import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { type ConnectionError, type FastifyError, type FastifyHttpOptions, type FastifyInstance, type FastifyReply, type FastifyRequest, LogController } from 'fastify'
import { loggerOptions } from './logger-options.ts'
import { requestId } from './request-id.ts'
import { trustProxy } from './trust-proxy.ts'

/** What one connection may cost: milliseconds, requests, bytes. */
export interface ConnectionBounds {
  readonly headersTimeout: number
  readonly requestTimeout: number
  readonly connectionsCheckingInterval: number
  readonly keepAliveTimeout: number
  readonly connectionTimeout: number
  readonly maxRequestsPerSocket: number
  readonly maxHeaderSize: number
}

/** Answers what never becomes a request that a route can see. */
export interface Unrouted {
  /** What Node or Fastify refuse before any hook. */
  refuse (request: IncomingMessage, response: ServerResponse, error: unknown): void
  /** What is no HTTP. */
  refuseBytes (error: ConnectionError, socket: Socket): void
}

const unrouted = new WeakMap<object, Unrouted>()

/** Has a gateway answer on a server that was made with {@link serverOptions}. Of several on one server it is the first. */
export function answerUnrouted (server: object, by: Unrouted): void {
  if (!unrouted.has(server)) unrouted.set(server, by)
}

/** True for a Fastify instance that was made with {@link serverOptions}: nobody else makes request ids as they do. */
export function hasServerOptions (app: object): boolean {
  return Reflect.get(app, 'genReqId') === requestId
}

/** The environment variables that a Fastify instance has to know of. */
type Environment = Readonly<Record<string, string | undefined>>

/** The limits of a connection before an answer. Those of an answer itself are settings, because they depend on what it waits for. */
const BOUNDS: ConnectionBounds = {
  // From a connection, or the first byte of its next request, to the end of the headers, which are a few packets.
  headersTimeout: 20_000,
  // From there to the end of the body: 1 MiB at 140 kbit/s.
  requestTimeout: 60_000,
  // How often Node looks for those that are late; its own half a minute would more than double the first.
  connectionsCheckingInterval: 5_000,
  // How long an idle connection lives: longer than the 60 s of most balancers, so that the balancer closes first and never loses a request. A drain does not wait for it.
  keepAliveTimeout: 72_000,
  // Off: it would cut an answer at a silence. COPILOT_IDLE_TIMEOUT_MS and CLIENT_STALL_TIMEOUT_MS decide about silence.
  connectionTimeout: 0,
  // A client may pipeline all of them behind an answer that takes minutes, and each is held in memory until then. The last reply has `Connection: close`.
  maxRequestsPerSocket: 100,
  // Node's own, whatever NODE_OPTIONS say.
  maxHeaderSize: 16 * 1024
}

/** What the Fastify instance that the gateway is registered on needs, for a given environment; `bounds` replaces some of its own. */
export function serverOptions (environment: Environment, bounds: Partial<ConnectionBounds> = {}) {
  const { headersTimeout, connectionsCheckingInterval, maxHeaderSize, ...more } = { ...BOUNDS, ...bounds }
  return {
    ...more,
    // Node would answer a request without a Host by itself, in no form that a client of the gateway knows (plugins/unrouted.ts does).
    http: { headersTimeout, connectionsCheckingInterval, maxHeaderSize, requireHostHeader: false },
    logger: loggerOptions(environment.LOG_LEVEL, process.stdout.isTTY),
    // One line at the end of a request says more than Fastify's two (plugins/access-log.ts).
    logController: new LogController({ disableRequestLogging: true, requestIdLogLabel: 'requestId' }),
    genReqId: requestId,
    // The name of a chat is a `sessionId`: 200 characters, each of two units at most.
    routerOptions: { maxParamLength: 400 },
    trustProxy: trustProxy(environment.TRUST_PROXY || 'false') ?? false,
    // While draining, plugins/drain.ts decides which requests are still served.
    return503OnClosing: false,
    // Malformed requests, which no route sees, are answered by the gateway's plugins with the error contract.
    clientErrorHandler (this: FastifyInstance, error: ConnectionError, socket: Socket) {
      const gateway = unrouted.get(this.server)
      if (gateway) gateway.refuseBytes(error, socket)
      else socket.destroy(error)
    },
    frameworkErrors: (error: FastifyError, request: FastifyRequest, reply: FastifyReply) => {
      const gateway = unrouted.get(request.server.server)
      if (gateway) gateway.refuse(request.raw, reply.raw, error)
      else void reply.send(error)
    }
  } satisfies FastifyHttpOptions<Server>
}
