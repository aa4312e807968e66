import { Ajv } from 'ajv'
import Type, { type Static } from 'typebox'
import { isLoopback } from '../lib/loopback.ts'
import { requireSdk } from './engines/sdk-package.ts'

const schema = Type.Object({
  NODE_ENV: Type.Optional(Type.String()),
  COPILOT_ENGINE: Type.Union([Type.Literal('auto'), Type.Literal('sdk'), Type.Literal('demo')], { default: 'auto', rule: 'must be auto, sdk or demo', description: '`sdk` (the GitHub Copilot SDK), `demo` (scripted), or `auto`: `sdk` when there is a token or a provider, else `demo`' }),
  COPILOT_GITHUB_TOKEN: Type.Optional(Type.String({ secret: true, description: 'GitHub token with Copilot; else `GH_TOKEN`, else `GITHUB_TOKEN`' })),
  GH_TOKEN: Type.Optional(Type.String({ secret: true })),
  GITHUB_TOKEN: Type.Optional(Type.String({ secret: true })),
  COPILOT_PROVIDER_BASE_URL: Type.Optional(Type.String({ pattern: '^https?://[^\\s/?#]+', rule: 'must be an http:// or https:// URL', description: 'base URL of a model provider of your own; the GitHub token is not used then' })),
  COPILOT_PROVIDER_TYPE: Type.Union([Type.Literal('openai'), Type.Literal('azure'), Type.Literal('anthropic')], { default: 'openai', rule: 'must be openai, azure or anthropic', description: '`openai` (and whatever is compatible), `azure` or `anthropic`' }),
  COPILOT_PROVIDER_API_KEY: Type.Optional(Type.String({ secret: true, description: 'the provider\'s key' })),
  COPILOT_MODEL: Type.Optional(Type.String({ maxLength: 120, rule: 'must have at most 120 characters', description: 'the model for requests that name none; required with a provider' })),
  COPILOT_SESSION_TTL_MS: Type.Integer({ default: 1_800_000, minimum: 0, maximum: 2_147_483_647, rule: 'must be an integer from 0 to 2147483647 (milliseconds)', description: 'how long a conversation is kept after its last turn, so that the next one sends only what is new (milliseconds; 0: not at all)' }),
  COPILOT_SERVICE_TOKEN: Type.Optional(Type.String({ secret: true, pattern: '^[\\x21-\\x7e]+$', rule: 'must be printable ASCII without spaces' }))
})

const serverSchema = Type.Object({
  HOST: Type.String({ default: '127.0.0.1' }),
  COPILOT_PORT: Type.Integer({ default: 3001, minimum: 0, maximum: 65535, rule: 'must be an integer from 0 to 65535', description: 'the port, when it runs alone' }),
  LOG_LEVEL: Type.Union(
    ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'].map(level => Type.Literal(level)),
    { default: 'info', rule: 'must be trace, debug, info, warn, error, fatal or silent' }
  ),
  DRAIN_TIMEOUT_MS: Type.Integer({ default: 30_000, minimum: 0, maximum: 2_147_483_647, rule: 'must be an integer from 0 to 2147483647 (milliseconds)' })
})

/** The settings of the companion by name, as JSON schemas; those that have a `description` are its own. */
export const companionSettings = { ...serverSchema.properties, ...schema.properties }

/** What they are, each with its type. */
export type CompanionSettings = Static<typeof schema> & Static<typeof serverSchema>

/** The names of those that are secret. */
export const secretSettings = Object.entries<object>(companionSettings).filter(([, property]) => 'secret' in property).map(([name]) => name)

/** Environment variables, as `process.env` holds them. */
export type Environment = Record<string, string | undefined>

/** What the service needs to know, read from the environment by {@link readCopilotConfig}. */
export interface CopilotConfig {
  /** The engine that answers; `auto` is already decided. */
  engine: 'sdk' | 'demo'
  /** The GitHub token and the name of the variable it came from. */
  token?: { value: string, variable: string }
  /** A model provider of one's own. When there is one, the token is not used. */
  provider?: { baseUrl: string, type: Static<typeof schema>['COPILOT_PROVIDER_TYPE'], apiKey?: string, model: string }
  /** The model for requests that name none; with a provider, the same as the provider's. */
  model?: string
  /** How long a conversation's session is kept after its last turn, in milliseconds; 0: not at all. */
  sessionTtl: number
  /** The bearer token that callers must show. */
  serviceToken?: string
  /** The environment of the SDK's runtime process: an excerpt without the secrets of this process. */
  runtimeEnvironment: Record<string, string>
}

/** Where and how the stand-alone process listens, read from the environment by {@link readServerConfig}. */
export interface CopilotServerConfig {
  host: string
  port: number
  /** A pino level. */
  logLevel: string
  /** How long answers in flight may go on after SIGTERM, in milliseconds. */
  drainTimeoutMs: number
}

/** What the runtime process may see: how to find programs and temporary files, proxies, certificates, a GitHub host, a runtime of one's own. */
const RUNTIME_VARIABLES = new Set([
  'PATH', 'LANG', 'LC_ALL', 'TZ', 'TMPDIR', 'TEMP', 'TMP', 'SYSTEMROOT', 'COMSPEC', 'PATHEXT',
  'HTTP_PROXY', 'HTTPS_PROXY', 'NO_PROXY', 'ALL_PROXY', 'SSL_CERT_FILE', 'SSL_CERT_DIR', 'NODE_EXTRA_CA_CERTS',
  'GH_HOST', 'COPILOT_GH_HOST', 'COPILOT_CLI_PATH'
])

const TOKEN_VARIABLES = ['COPILOT_GITHUB_TOKEN', 'GH_TOKEN', 'GITHUB_TOKEN'] as const

/**
 * Reads and checks the configuration of the service. An empty variable counts as unset. Throws an Error with one line that
 * names the variable and the rule, when a value breaks one; or that names what to set, when the demo engine would have to
 * start by itself in production.
 */
export function readCopilotConfig (environment: Environment): CopilotConfig {
  const env = check(schema, environment)
  const variable = TOKEN_VARIABLES.find(name => env[name] !== undefined)
  const value = variable && env[variable]
  const configured = value !== undefined || env.COPILOT_PROVIDER_BASE_URL !== undefined
  const engine = env.COPILOT_ENGINE === 'auto' ? (configured ? 'sdk' : 'demo') : env.COPILOT_ENGINE

  const { COPILOT_PROVIDER_BASE_URL: baseUrl, COPILOT_PROVIDER_TYPE: type, COPILOT_PROVIDER_API_KEY: apiKey, COPILOT_MODEL: model } = env
  if (baseUrl !== undefined && model === undefined) {
    throw new Error('COPILOT_MODEL must be set when COPILOT_PROVIDER_BASE_URL is')
  }
  if (engine === 'demo' && env.COPILOT_ENGINE === 'auto' && env.NODE_ENV === 'production') {
    throw new Error('With NODE_ENV=production the demo engine does not start by itself: set COPILOT_SERVICE_URL, ' +
      'or COPILOT_GITHUB_TOKEN, or COPILOT_PROVIDER_BASE_URL and COPILOT_MODEL, or COPILOT_ENGINE=demo')
  }

  if (engine === 'sdk') requireSdk()

  return {
    engine,
    token: variable && value ? { value, variable } : undefined,
    provider: baseUrl && model ? { baseUrl, type, apiKey, model } : undefined,
    model,
    sessionTtl: env.COPILOT_SESSION_TTL_MS,
    serviceToken: env.COPILOT_SERVICE_TOKEN,
    runtimeEnvironment: Object.fromEntries(Object.entries(environment).flatMap(([name, content]) =>
      content && RUNTIME_VARIABLES.has(name.toUpperCase()) ? [[name, content]] : []))
  }
}

/**
 * Reads and checks where the stand-alone process listens. Not for an embedded service, which shares `HOST` with its gateway.
 * Throws an Error with one line that names the variable and the rule, when a value breaks one; or when the service would
 * listen beyond loopback without a token.
 */
export function readServerConfig (environment: Environment): CopilotServerConfig {
  const env = check(serverSchema, environment)
  if (!isLoopback(env.HOST) && !environment.COPILOT_SERVICE_TOKEN) {
    throw new Error(`COPILOT_SERVICE_TOKEN must be set when HOST is not a loopback address (it is ${JSON.stringify(env.HOST)})`)
  }
  return { host: env.HOST, port: env.COPILOT_PORT, logLevel: env.LOG_LEVEL, drainTimeoutMs: env.DRAIN_TIMEOUT_MS }
}

const ajv = new Ajv({ useDefaults: true, strict: false })

function check<T extends Type.TObject> (schema: T, environment: Environment): Static<T> {
  const env: unknown = Object.fromEntries(Object.entries(schema.properties).flatMap(([name, property]) => {
    const text = environment[name]
    return text ? [[name, Type.IsInteger(property) && /^\d+$/.test(text) ? Number(text) : text]] : []
  }))
  const isValid = ajv.compile<Static<T>>(schema)
  if (isValid(env)) return env
  const name = ajv.errorsText(isValid.errors, { dataVar: '' }).replace(/^\/(\w+).*$/s, '$1')
  const [rule] = Object.entries(schema.properties).filter(([key]) => key === name).map(([, property]) => Reflect.get(property, 'rule'))
  throw new Error(`${name} ${rule}`)
}
