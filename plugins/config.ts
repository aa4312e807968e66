import fastifyEnv from '@fastify/env'
import fp from 'fastify-plugin'
import type { SettingsOptions } from '../lib/gateway-options.ts'
import { ajv, checkAgainst, checkSettings } from '../lib/settings/check.ts'
import { checkStart } from '../lib/settings/check-start.ts'
import { collectSettings, type Environment, type Sources } from '../lib/settings/collect.ts'
import { CompanionConfig, companionSettings } from '../lib/settings/companion.ts'
import { settingsInCode } from '../lib/settings/in-code.ts'
import { misspeltSettings } from '../lib/settings/misspelt.ts'
import { type Annotations, annotationsOf, Config } from '../lib/settings/schema.ts'
import { summarize } from '../lib/settings/summary.ts'
import { isHopCount } from '../lib/trust-proxy.ts'

export { Config, type Environment }

declare module 'fastify' {
  interface FastifyInstance {
    /** The validated configuration. */
    readonly config: Config
    /** What it was made from, for parts that have a schema of their own. */
    readonly environment: Environment
    /** Reads the settings anew from where they were found, and takes none over. Throws a `StartError` where a start would be refused. */
    readSettings (): ReadSettings
  }
}

/** Settings that were read and checked. */
export interface ReadSettings {
  readonly config: Config
  readonly values: Environment
  /** The settings that count. */
  readonly known: Readonly<Record<string, Annotations>>
}

/** Every setting that there is, of the gateway and of the companion. */
export const SETTINGS = annotationsOf({ ...companionSettings, ...Config.properties })

/** The settings that are never shown and may be given as a file, with the one that OpenTelemetry reads by itself. */
export const SECRETS = [...Object.keys(SETTINGS).filter(name => SETTINGS[name]?.secret), 'OTEL_EXPORTER_OTLP_HEADERS']

/** Where the settings of this process are: its environment variables, and `.env` in the working directory for those that are not set. */
export const processSources = (): Sources => ({ environment: process.env, file: { path: '.env', required: false } })

/** Reads the settings of this process, unchecked. Throws a `StartError` for a file that cannot be read as settings. */
export function readEnvironment (): Environment {
  return collectSettings(processSources(), SECRETS).values
}

/** The settings that have an effect, with the companion in this process or without it. */
export function inEffect (companion: boolean): Readonly<Record<string, Annotations>> {
  const { COPILOT_PORT, ...own } = companionSettings
  return annotationsOf({ ...Config.properties, ...(companion && { ...own, ...Config.properties }) })
}

/** Warnings about settings that do not stop the start. */
export function settingWarnings (values: Environment): string[] {
  const known = [...Object.keys(SETTINGS), ...SECRETS, ...SECRETS.map(name => `${name}_FILE`)]
  return [
    ...(isHopCount(values.TRUST_PROXY ?? '') ? ['TRUST_PROXY is a hop count, which trusts nobody: name the addresses of the proxies instead'] : []),
    ...misspeltSettings(Object.keys(values), known).map(([name, meant]) => `${name} is no setting: ${meant} is meant, perhaps`)
  ]
}

/** Checks the settings once and decorates the instance with them; says in the log what starts. A bad value rejects with one clear line. */
export default fp<SettingsOptions>(async function config (app, { settings = {}, environment, sources = environment ? { environment } : processSources() }) {
  const collect = (): Environment => ({ ...collectSettings(sources, SECRETS).values, ...settingsInCode(settings, Object.keys(SETTINGS)) })
  const values = collect()
  app.decorate('environment', values)
  app.decorate('readSettings', () => {
    const values = collect()
    const config = checkStart(values)
    if (!config.COPILOT_SERVICE_URL) checkAgainst(CompanionConfig, values)
    return { config, values, known: inEffect(!config.COPILOT_SERVICE_URL) }
  })
  await app.register(fastifyEnv, { schema: Config, data: checkSettings(values), env: false, ajv })

  const { version, ...summary } = summarize(app.config)
  app.log.info({ version, ...summary }, `copilot-stream-gateway ${version} starts`)
  for (const warning of settingWarnings(values)) app.log.warn(warning)
}, { name: 'config' })
