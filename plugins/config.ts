import { readFileSync } from 'node:fs'
import { parseEnv } from 'node:util'
import fastifyEnv from '@fastify/env'
import type { ErrorObject } from 'ajv'
import fp from 'fastify-plugin'
import Type, { type Static } from 'typebox'
import { StartError } from '../lib/start-error.ts'
import { isHopCount, trustProxy } from '../lib/trust-proxy.ts'

const duration = (value: number, description: string, minimum = 0) => Type.Integer({ default: value, minimum, maximum: 2_147_483_647, description })
const text = (value: string, description: string) => Type.String({ default: value, description })

/** The environment variables of the gateway: names, types, defaults, rules. A `description` of a pattern completes "must be …". */
export const Config = Type.Object({
  HOST: text('127.0.0.1', 'the address to listen on'),
  PORT: Type.Integer({ default: 3000, minimum: 0, maximum: 65535, description: 'the port to listen on' }),
  LOG_LEVEL: Type.Enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'], { default: 'info' }),
  NODE_ENV: text('', 'production: the demo engine never starts by itself'),
  DEMO_PAGE: Type.Enum(['on', 'off'], { default: 'on' }),
  COPILOT_SERVICE_URL: Type.String({ default: '', pattern: '^(https?://[^\\s/?#]+[^\\s?#]*)?$', description: 'an http:// or https:// URL without query, or empty for the companion' }),
  COPILOT_SERVICE_TOKEN: Type.String({ default: '', pattern: '^[\\x21-\\x7e]*$', description: 'printable ASCII without spaces' }),
  COPILOT_CONNECT_TIMEOUT_MS: duration(5_000, 'how long connecting may take', 1),
  COPILOT_FIRST_BYTE_TIMEOUT_MS: duration(60_000, 'request sent → first byte of the answer', 1),
  COPILOT_IDLE_TIMEOUT_MS: duration(60_000, 'silence between two chunks', 1),
  COPILOT_STREAM_RETRY_MS: duration(60_000, 'how long "cannot stream" is remembered'),
  BODY_LIMIT_BYTES: Type.Integer({ default: 1024 * 1024, minimum: 1, description: 'how large the body of a question may be' }),
  STREAM_MAX_MS: duration(600_000, 'how long an answer may take in all', 1),
  CLIENT_STALL_TIMEOUT_MS: duration(60_000, 'how long a reader may take nothing while bytes wait', 1),
  SSE_HEARTBEAT_MS: Type.Integer({ default: 15_000, minimum: 10, maximum: 2_147_483_647, description: 'how often an event stream shows that it is alive' }),
  RESUME_GRACE_MS: duration(30_000, 'how long a resumable answer goes on without a reader'),
  RESUME_TTL_MS: duration(300_000, 'how long a resumable answer is kept after its end'),
  RESUME_MAX_BYTES: Type.Integer({ default: 64 * 1024 * 1024, minimum: 0, description: 'how many bytes all resumable answers may cost' }),
  RATE_LIMIT_MAX: Type.Integer({ default: 60, minimum: 0, description: 'how many requests a caller may make in a window' }),
  RATE_LIMIT_WINDOW_MS: duration(60_000, 'how long that window is', 1),
  MAX_STREAMS: Type.Integer({ default: 1000, minimum: 1, description: 'how many answers may be in flight' }),
  MAX_STREAMS_PER_CALLER: Type.Integer({ default: 10, minimum: 1, description: 'how many of them may be of one caller' }),
  MAX_LOOP_DELAY_MS: duration(1_000, 'how late the process may be with its work before it refuses new answers', 20),
  ALLOWED_HOSTS: text('', 'names, beside those of this machine, that a request without authentication over loopback may have as its Host'),
  CORS_ORIGIN: text('', 'comma-separated origins, or *; empty: loopback origins'),
  AUTH_MODE: Type.Enum(['', 'none', 'api-key', 'jwt'], { default: '' }),
  API_KEYS: text('', 'name:key pairs, comma-separated'),
  JWT_SECRET: text('', 'secret of HS256 tokens'),
  JWT_JWKS_URL: Type.String({ default: '', pattern: '^(https?://[^\\s/?#]+\\S*)?$', description: 'an http:// or https:// URL' }),
  JWT_ISSUER: text('', 'the iss that tokens must have'),
  JWT_AUDIENCE: text('', 'the aud that tokens must have'),
  TRUST_PROXY: text('false', 'true, a hop count, or addresses'),
  DRAIN_DELAY_MS: duration(0, 'from SIGTERM to the close of the listener'),
  DRAIN_TIMEOUT_MS: duration(30_000, 'how long answers in flight may go on'),
  METRICS_PORT: Type.String({ default: '', pattern: '^\\d{0,5}$', description: 'a port, or empty for the main one' }),
  METRICS_TOKEN: Type.String({ default: '', pattern: '^[\\x21-\\x7e]*$', description: 'printable ASCII without spaces' }),
  OTEL_EXPORTER_OTLP_ENDPOINT: Type.String({ default: '', pattern: '^(https?://[^\\s/?#]+[^\\s?#]*)?$', description: 'an http:// or https:// URL without query' })
})

const descriptions = new Map(Object.entries<object>(Config.properties).map(([name, schema]) => [name, 'description' in schema && schema.description]))

/** The validated configuration, `app.config`. */
export type Config = Static<typeof Config>

/** Environment variables by name. */
export type Environment = Readonly<Record<string, string | undefined>>

declare module 'fastify' {
  interface FastifyInstance {
    /** The validated configuration. */
    readonly config: Config
    /** What it was made from, for parts that have a schema of their own. */
    readonly environment: Environment
  }
}

/**
 * Reads the environment variables of this process, and `.env` in the working directory for those that are not set.
 * Variables set to nothing count as not set, since that is how compose files and `.env` templates leave them.
 */
export function readEnvironment (): Environment {
  return { ...withoutEmpty(readDotEnv()), ...withoutEmpty(process.env) }
}

function withoutEmpty (environment: Environment): Environment {
  return Object.fromEntries(Object.entries(environment).filter(([, value]) => value))
}

function readDotEnv (): Environment {
  try {
    return parseEnv(readFileSync('.env', 'utf8'))
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return {}
    throw new StartError(`.env cannot be read: ${error}`)
  }
}

/** Options of the plugin. */
export interface ConfigOptions {
  /** The variables to use; default {@link readEnvironment}. */
  readonly environment?: Environment
}

/** Validates the environment once and decorates the instance with it. A bad value rejects with one clear line. */
export default fp<ConfigOptions>(async function config (app, { environment = readEnvironment() }) {
  app.decorate('environment', environment)
  try {
    await app.register(fastifyEnv, { schema: Config, data: environment, env: false })
  } catch (error) {
    throw error instanceof Error && 'errors' in error && Array.isArray(error.errors) ? new StartError(explain(error.errors)) : error
  }
  const { TRUST_PROXY } = app.config
  for (const name of ['COPILOT_SERVICE_URL', 'JWT_JWKS_URL', 'OTEL_EXPORTER_OTLP_ENDPOINT'] as const) {
    const url = app.config[name]
    if (url && !URL.canParse(url)) throw new StartError(`${name} must be ${descriptions.get(name)}`)
  }
  if (trustProxy(TRUST_PROXY) === undefined) throw new StartError('TRUST_PROXY must be true, false, a hop count, or comma-separated addresses and networks')
  if (isHopCount(TRUST_PROXY)) app.log.warn('TRUST_PROXY is a hop count, which trusts nobody: name the addresses of the proxies instead')
}, { name: 'config' })

function explain (errors: ErrorObject[]): string {
  return errors.map(({ keyword, instancePath, message, params }) => {
    const name = instancePath.slice(1)
    if (keyword === 'pattern') return `${name} must be ${descriptions.get(name)}`
    if (keyword === 'enum') return `${name} must be one of ${params.allowedValues.filter(Boolean).join(', ')}`
    return `${name} ${message}`
  }).join('; ')
}
