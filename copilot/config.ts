import { isLoopback } from '../lib/loopback.ts'
import { checkAgainst } from '../lib/settings/check.ts'
import type { Environment } from '../lib/settings/collect.ts'
import { CompanionConfig, CompanionServerConfig } from '../lib/settings/companion.ts'
import { StartError } from '../lib/start-error.ts'
import { requireSdk } from './engines/sdk-package.ts'

/** What the service needs to know, read from the environment by {@link readCopilotConfig}. */
export interface CopilotConfig {
  /** The engine that answers; `auto` is already decided. */
  engine: 'sdk' | 'demo'
  /** The GitHub token and the name of the variable it came from. */
  token?: { value: string, variable: string }
  /** A model provider of one's own. When there is one, the token is not used. */
  provider?: { baseUrl: string, type: CompanionConfig['COPILOT_PROVIDER_TYPE'], apiKey?: string, model: string }
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
 * Reads and checks the configuration of the service. An empty variable counts as unset. Throws a {@link StartError} of one line that
 * names the variable and the rule, when a value breaks one; or that names what to set, when the demo engine would have to
 * start by itself in production.
 */
export function readCopilotConfig (environment: Environment): CopilotConfig {
  const env = checkAgainst(CompanionConfig, environment)
  const variable = TOKEN_VARIABLES.find(name => env[name] !== undefined)
  const value = variable && env[variable]
  const configured = value !== undefined || env.COPILOT_PROVIDER_BASE_URL !== undefined
  const engine = env.COPILOT_ENGINE === 'auto' ? (configured ? 'sdk' : 'demo') : env.COPILOT_ENGINE

  const { COPILOT_PROVIDER_BASE_URL: baseUrl, COPILOT_PROVIDER_TYPE: type, COPILOT_PROVIDER_API_KEY: apiKey, COPILOT_MODEL: model } = env
  if (baseUrl !== undefined && model === undefined) {
    throw new StartError('COPILOT_MODEL must be set when COPILOT_PROVIDER_BASE_URL is')
  }
  if (engine === 'demo' && env.COPILOT_ENGINE === 'auto' && env.NODE_ENV === 'production') {
    throw new StartError('With NODE_ENV=production the demo engine does not start by itself: set COPILOT_SERVICE_URL, ' +
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
 * Throws a {@link StartError} of one line that names the variable and the rule, when a value breaks one; or when the service would
 * listen beyond loopback without a token.
 */
export function readServerConfig (environment: Environment): CopilotServerConfig {
  const env = checkAgainst(CompanionServerConfig, environment)
  if (!isLoopback(env.HOST) && !environment.COPILOT_SERVICE_TOKEN) {
    throw new StartError(`COPILOT_SERVICE_TOKEN must be set when HOST is not a loopback address (it is ${JSON.stringify(env.HOST)})`)
  }
  return { host: env.HOST, port: env.COPILOT_PORT, logLevel: env.LOG_LEVEL, drainTimeoutMs: env.DRAIN_TIMEOUT_MS }
}
