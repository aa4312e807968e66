import Type, { type Static } from 'typebox'

/** The annotations of a setting in its JSON schema. `secret` and `rule` are this project's own keywords. */
export interface Annotations {
  /** What the setting is for. A setting without a description is not listed in the documentation. */
  readonly description?: string
  /** The end of the message "must be …" for a value that does not match the pattern. */
  readonly rule?: string
  /** True for a secret: its value is never shown, and may be given as a file. */
  readonly secret?: boolean
  readonly default?: string | number
  readonly minimum?: number
  readonly maximum?: number
  readonly maxLength?: number
  readonly enum?: readonly string[]
}

/** The annotations of each property of a schema. */
export function annotationsOf (properties: Readonly<Record<string, object>>): Readonly<Record<string, Annotations>> {
  return Object.fromEntries(Object.entries(properties).map(([name, schema]): [string, Annotations] => [name, { ...schema }]))
}

const duration = (value: number, description: string, minimum = 0) => Type.Integer({ default: value, minimum, maximum: 2_147_483_647, description })
const text = (value: string, description: string) => Type.String({ default: value, description })
const secret = (description: string) => Type.String({ default: '', description, secret: true })
const token = (description: string) => Type.String({ default: '', description, secret: true, pattern: '^[\\x21-\\x7e]*$', rule: 'printable ASCII without spaces' })

/**
 * The settings of the gateway, which are environment variables, grouped by the section of docs/settings.md that lists them.
 * `npm run settings` generates the tables there and .env.example from this schema. A `description` is Markdown; its links are
 * relative to the root of the repository.
 */
export const gatewaySections = {
  'The process': {
    HOST: text('127.0.0.1', 'the address to listen on; one beyond loopback needs `AUTH_MODE`'),
    PORT: Type.Integer({ default: 3000, minimum: 0, maximum: 65535, description: 'the port to listen on; 0: a free one' }),
    LOG_LEVEL: Type.Enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'], { default: 'info', description: 'the least grave line that is logged; health probes and scrapes are logged at `debug`' }),
    NODE_ENV: text('', '`production`: the demo engine never starts by itself'),
    DEMO_PAGE: Type.Enum(['on', 'off'], { default: 'on', description: '`off`: no page at `/`' })
  },
  'Who may ask': {
    AUTH_MODE: Type.Enum(['', 'none', 'api-key', 'jwt'], { default: '', description: 'who may ask: `none` (everybody), `api-key`, `jwt`; empty: this machine, which is not enough to listen beyond loopback, nor for deploy/compose.yaml' }),
    API_KEYS: secret('for `api-key`: `name:key` pairs, comma-separated; a name may have several keys'),
    JWT_SECRET: secret('for `jwt`: the secret of HS256 tokens; either this or `JWT_JWKS_URL`'),
    JWT_JWKS_URL: Type.String({ default: '', pattern: '^(https?://[^\\s/?#]+\\S*)?$', rule: 'an http:// or https:// URL', description: 'for `jwt`: where the public keys of RS256 and ES256 tokens are' }),
    JWT_ISSUER: text('', 'the `iss` that tokens must have; empty: any'),
    JWT_AUDIENCE: text('', 'the `aud` that tokens must have; empty: any'),
    ALLOWED_HOSTS: text('', 'without authentication: names, comma-separated, that a request [over loopback](docs/deployment.md#who-may-ask) may have as its `Host`, beside those of this machine'),
    CORS_ORIGIN: text('', 'origins whose pages may read answers, comma-separated: `https://app.example.com`; `*` for all; empty: loopback origins'),
    TRUST_PROXY: Type.String({ default: 'false', rule: 'true, false, a hop count, or comma-separated addresses and networks', description: 'addresses and networks of the proxies in front, comma-separated, whose `X-Forwarded-*` are believed; `true`: anybody\'s' })
  },
  'The Copilot service': {
    COPILOT_SERVICE_URL: Type.String({ default: '', pattern: '^(https?://[^\\s/?#,]+[^\\s?#,]*( *, *https?://[^\\s/?#,]+[^\\s?#,]*)*)?$', rule: 'an http:// or https:// URL without query, or empty for the companion; several are comma-separated', description: 'base URL of the Copilot service, or of [several](docs/deployment.md#several-copilot-services), comma-separated; empty: the companion is started in this process, on loopback' }),
    COPILOT_SERVICE_TOKEN: token('bearer token for the Copilot service, for each when there are several'),
    COPILOT_CALLER_TOKENS: Type.Enum(['', 'accept', 'require'], { default: '', description: '`accept`: a caller may send a [GitHub token of its own](docs/deployment.md#accounts-of-callers) as `X-GitHub-Token`, which goes to the Copilot service, over loopback or https alone (the companion does not use it yet); `require`: the same, for a service that answers nobody without one' }),
    COPILOT_CONNECT_TIMEOUT_MS: duration(5_000, 'how long connecting to it may take', 1),
    COPILOT_FIRST_BYTE_TIMEOUT_MS: duration(60_000, 'from the request to the first byte of the answer, connecting included', 1),
    COPILOT_IDLE_TIMEOUT_MS: duration(60_000, 'the longest silence between two chunks; past it the answer is cut', 1),
    COPILOT_STREAM_RETRY_MS: duration(60_000, 'how long a service that cannot stream is asked for buffered answers only')
  },
  'Answers and their readers': {
    BODY_LIMIT_BYTES: Type.Integer({ default: 1024 * 1024, minimum: 1, description: 'how large the body of a question, with its conversation, may be; 413 past it' }),
    STREAM_MAX_MS: duration(600_000, 'how long an answer may take in all; past it the answer is cut', 1),
    CLIENT_STALL_TIMEOUT_MS: duration(60_000, 'how long a reader may take nothing while bytes wait for it; past it the reader is cut and the model stopped', 1),
    SSE_HEARTBEAT_MS: Type.Integer({ default: 15_000, minimum: 10, maximum: 2_147_483_647, description: 'how often an event stream shows that it is alive' }),
    RESUME_GRACE_MS: duration(30_000, 'how long a resumable answer goes on when nobody reads it'),
    RESUME_TTL_MS: duration(300_000, 'how long a resumable answer is kept after its end'),
    RESUME_MAX_BYTES: Type.Integer({ default: 64 * 1024 * 1024, minimum: 0, description: 'how many bytes all resumable answers may cost, those included that are being written; 0: answers cannot be made resumable' })
  },
  'Who may take how much': {
    RATE_LIMIT_MAX: Type.Integer({ default: 60, minimum: 0, description: 'how many requests a caller, or without authentication a [client address](docs/deployment.md#who-may-take-how-much), may make in a window; 0: no limit' }),
    RATE_LIMIT_WINDOW_MS: duration(60_000, 'how long that window is', 1),
    MAX_STREAMS: Type.Integer({ default: 1000, minimum: 1, description: 'how many answers may be in flight in this process, and how many recorded ones be read again' }),
    MAX_STREAMS_PER_CALLER: Type.Integer({ default: 10, minimum: 1, description: 'the same for one caller; without authentication, for one [client address](docs/deployment.md#who-may-take-how-much)' }),
    TOKENS_PER_CALLER: Type.Integer({ default: 0, minimum: 0, description: 'how many [tokens](docs/deployment.md#who-may-take-how-much), of input and output, the answers of one caller may take in a window; 0: no limit' }),
    TOKENS_WINDOW_MS: duration(86_400_000, 'how long that window is', 1),
    MAX_LOOP_DELAY_MS: duration(1_000, 'how late the process may be with its work, on average, before it refuses [new answers](docs/deployment.md#who-may-take-how-much)', 20)
  },
  'Several gateways': {
    REDIS_URL: Type.String({ default: '', secret: true, pattern: '^(rediss?://[^\\s/?#]+(/\\d*)?)?$', rule: 'redis:// or rediss://, name:password@ if needed, a host, and a port and /database if needed', description: 'the Redis that [several gateways share](docs/deployment.md#memory-or-redis); empty: each keeps answers and counts in its memory' }),
    REDIS_KEY_PREFIX: Type.String({ default: 'csg:', pattern: '^[\\x21-\\x7e]{0,100}$', rule: 'at most 100 characters of printable ASCII without spaces', description: 'what every key in Redis begins with; gateways with the same one share' })
  },
  'Shutdown, metrics, traces': {
    DRAIN_DELAY_MS: duration(0, 'from SIGTERM to the close of the listener: time for the load balancer to notice'),
    DRAIN_TIMEOUT_MS: duration(30_000, 'how long answers in flight may go on after that'),
    METRICS_PORT: Type.String({ default: '', pattern: '^\\d{0,5}$', rule: 'a port, or empty for the main one', description: 'a port of its own for `/metrics`, on the same `HOST`; empty: `PORT`' }),
    METRICS_CALLERS: Type.Enum(['off', 'on'], { default: 'off', description: '`on`: the [metrics](docs/metrics.md) name callers, by the names of their API keys or the subjects of their tokens, with the tokens that their answers took' }),
    METRICS_TOKEN: token('the bearer token for `/metrics`; empty: none, and with `api-key` or `jwt` the metrics are not on `PORT`'),
    OTEL_EXPORTER_OTLP_ENDPOINT: Type.String({ default: '', pattern: '^(https?://[^\\s/?#]+[^\\s?#]*)?$', rule: 'an http:// or https:// URL without query', description: 'base URL of an OpenTelemetry collector that takes [traces](docs/tracing.md): `http://localhost:4318`; empty: there are none' })
  }
}

/** All settings of the gateway as one schema: names, types, defaults, rules. */
export const Config = Type.Object({
  ...gatewaySections['The process'],
  ...gatewaySections['Who may ask'],
  ...gatewaySections['The Copilot service'],
  ...gatewaySections['Answers and their readers'],
  ...gatewaySections['Who may take how much'],
  ...gatewaySections['Several gateways'],
  ...gatewaySections['Shutdown, metrics, traces']
})

/** The validated settings, by name. */
export type Config = Static<typeof Config>
