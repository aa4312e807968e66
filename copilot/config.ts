import { isLoopback } from '../lib/loopback.ts'
import { checkAgainst } from '../lib/settings/check.ts'
import type { Environment } from '../lib/settings/collect.ts'
import { CompanionConfig, CompanionServerConfig } from '../lib/settings/companion.ts'
import { StartError } from '../lib/start-error.ts'
import { projectDirectory } from './project/directory.ts'
import { requireSdk } from './engines/sdk-package.ts'

/** The configuration of the service, read from the environment by {@link readCopilotConfig}. */
export interface CopilotConfig {
  /** The engine that answers; `auto` is already resolved to one of them. */
  engine: 'sdk' | 'demo'
  /** The GitHub token and the name of the variable it came from. */
  token?: { value: string, variable: string }
  /** A model provider other than GitHub. When it is set, the token is not used. */
  provider?: { baseUrl: string, type: CompanionConfig['COPILOT_PROVIDER_TYPE'], apiKey?: string, model: string }
  /** The model for requests that name none; with a provider, the provider's model. */
  model?: string
  /** How long the session of a conversation is kept after its last turn, in milliseconds; 0 keeps no session. */
  sessionTtl: number
  /** The real path of the directory that the model may read in `project-helper`. Without it no mode has tools. */
  projectDirectory?: string
  /** The bearer token that callers must send. */
  serviceToken?: string
  /** The environment of the SDK's runtime process: the variables that it needs, without the secrets of this process. */
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

/** The environment variables that the runtime process gets: paths of programs and temporary files, proxies, certificates, the GitHub host, a custom runtime. */
const RUNTIME_VARIABLES = new Set([
  'PATH', 'LANG', 'LC_ALL', 'TZ', 'TMPDIR', 'TEMP', 'TMP', 'SYSTEMROOT', 'COMSPEC', 'PATHEXT',
  'HTTP_PROXY', 'HTTPS_PROXY', 'NO_PROXY', 'ALL_PROXY', 'SSL_CERT_FILE', 'SSL_CERT_DIR', 'NODE_EXTRA_CA_CERTS',
  'GH_HOST', 'COPILOT_GH_HOST', 'COPILOT_CLI_PATH'
])

const TOKEN_VARIABLES = ['COPILOT_GITHUB_TOKEN', 'GH_TOKEN', 'GITHUB_TOKEN'] as const

/**
 * Reads and checks the configuration of the service. An empty variable counts as unset. Throws a {@link StartError} of one line: for
 * an invalid value, with the variable and the rule; in production without credentials, with what to set, because the demo engine
 * must not start there without being chosen.
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
    projectDirectory: env.COPILOT_PROJECT_DIR === undefined ? undefined : projectDirectory(env.COPILOT_PROJECT_DIR),
    serviceToken: env.COPILOT_SERVICE_TOKEN,
    runtimeEnvironment: Object.fromEntries(Object.entries(environment).flatMap(([name, content]) =>
      content && RUNTIME_VARIABLES.has(name.toUpperCase()) ? [[name, content]] : []))
  }
}

/**
 * Reads and checks where the stand-alone process listens. An embedded service does not use this, because there `HOST` is the
 * gateway's. Throws a {@link StartError} of one line for an invalid value, with the variable and the rule, and for an address
 * beyond loopback without a token.
 */
export function readServerConfig (environment: Environment): CopilotServerConfig {
  const env = checkAgainst(CompanionServerConfig, environment)
  if (!isLoopback(env.HOST) && !environment.COPILOT_SERVICE_TOKEN) {
    throw new StartError(`COPILOT_SERVICE_TOKEN must be set when HOST is not a loopback address (it is ${JSON.stringify(env.HOST)})`)
  }
  return { host: env.HOST, port: env.COPILOT_PORT, logLevel: env.LOG_LEVEL, drainTimeoutMs: env.DRAIN_TIMEOUT_MS }
}
