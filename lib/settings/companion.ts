import Type, { type Static } from 'typebox'
import { Config } from './schema.ts'

const secret = { secret: true }

/** The settings of the companion, both in the gateway's process and in its own. */
export const CompanionConfig = Type.Object({
  NODE_ENV: Type.Optional(Type.String()),
  COPILOT_ENGINE: Type.Enum(['auto', 'sdk', 'demo'], { default: 'auto', description: '`sdk` (the GitHub Copilot SDK), `demo` (scripted), or `auto`: `sdk` when there is a token or a provider, else `demo`' }),
  COPILOT_GITHUB_TOKEN: Type.Optional(Type.String({ ...secret, description: 'GitHub token with Copilot; else `GH_TOKEN`, else `GITHUB_TOKEN`' })),
  GH_TOKEN: Type.Optional(Type.String(secret)),
  GITHUB_TOKEN: Type.Optional(Type.String(secret)),
  COPILOT_PROVIDER_BASE_URL: Type.Optional(Type.String({ pattern: '^https?://[^\\s/?#]+', rule: 'an http:// or https:// URL', description: 'base URL of a model provider of your own; the GitHub token is not used then' })),
  COPILOT_PROVIDER_TYPE: Type.Enum(['openai', 'azure', 'anthropic'], { default: 'openai', description: 'what the provider speaks; `openai` is whatever is compatible with it' }),
  COPILOT_PROVIDER_API_KEY: Type.Optional(Type.String({ ...secret, description: 'the provider\'s key' })),
  COPILOT_MODEL: Type.Optional(Type.String({ maxLength: 120, description: 'the model for requests that name none; required with a provider' })),
  COPILOT_SESSION_TTL_MS: Type.Integer({ default: 1_800_000, minimum: 0, maximum: 2_147_483_647, description: 'how long a conversation is kept after its last turn, so that the next one sends only what is new; 0: not at all' }),
  COPILOT_PROJECT_DIR: Type.Optional(Type.String({ description: 'a directory whose files the model may list, search and read with mode `project-helper`; see [what it sees](docs/companion.md#what-the-model-sees-of-a-project)' })),
  COPILOT_SERVICE_TOKEN: Type.Optional(Type.String({ ...secret, pattern: '^[\\x21-\\x7e]+$', rule: 'printable ASCII without spaces' }))
})

const { HOST, LOG_LEVEL, DRAIN_TIMEOUT_MS } = Config.properties

/** Further settings of the companion when it runs in a process of its own. */
export const CompanionServerConfig = Type.Object({
  HOST,
  LOG_LEVEL,
  DRAIN_TIMEOUT_MS,
  COPILOT_PORT: Type.Integer({ default: 3001, minimum: 0, maximum: 65_535, description: 'the port, when it runs alone' })
})

/** The validated settings, by name. */
export type CompanionConfig = Static<typeof CompanionConfig>

/** The validated settings of a process of its own, by name. */
export type CompanionServerConfig = Static<typeof CompanionServerConfig>

/** All settings of the companion by name, as JSON schemas. Some of them are settings of the gateway as well. */
export const companionSettings = { ...CompanionServerConfig.properties, ...CompanionConfig.properties }

/** The names of the companion's secret settings. */
export const companionSecrets = Object.entries<object>(companionSettings).filter(([, property]) => 'secret' in property).map(([name]) => name)
