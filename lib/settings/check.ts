import { Ajv, type ErrorObject } from 'ajv'
import { presentable } from '../redact.ts'
import { StartError } from '../start-error.ts'
import { trustProxy } from '../trust-proxy.ts'
import type { Environment } from './collect.ts'
import { annotationsOf, Config } from './schema.ts'

/** Makes settings of variables: each gets its type or its default, and what is no setting is left out. */
export const ajv = new Ajv({ allErrors: true, coerceTypes: true, removeAdditional: 'all', useDefaults: true, strict: false })

const isConfig = ajv.compile<Config>(Config)
const properties = annotationsOf(Config.properties)

const URLS = ['COPILOT_SERVICE_URL', 'JWT_JWKS_URL', 'OTEL_EXPORTER_OTLP_ENDPOINT'] as const

/**
 * Checks the settings of the gateway one by one, and gives each its type or its default. Throws a {@link StartError} of one line
 * that names every broken rule, and the value where that is a number or a choice.
 */
export function checkSettings (values: Environment): Config {
  const config: unknown = { ...values }
  if (!isConfig(config)) throw new StartError(`${isConfig.errors?.map(error => explain(error, values)).join('; ')}`)
  for (const name of URLS) {
    if (config[name] && !URL.canParse(config[name])) throw new StartError(`${name} must be ${properties[name]?.rule}`)
  }
  if (trustProxy(config.TRUST_PROXY) === undefined) throw new StartError('TRUST_PROXY must be true, false, a hop count, or comma-separated addresses and networks')
  if (config.COPILOT_SERVICE_TOKEN && hasCredentials(config.COPILOT_SERVICE_URL)) {
    throw new StartError('COPILOT_SERVICE_URL must have no name or password in it when COPILOT_SERVICE_TOKEN is set: both are one header')
  }
  return config
}

function explain ({ keyword, instancePath, message, params }: ErrorObject, values: Environment): string {
  const name = instancePath.slice(1)
  const property = properties[name]
  if (keyword === 'pattern') return `${name} must be ${property?.rule}`
  const given = `, not ${JSON.stringify(presentable(String(values[name]), [], 60))}`
  if (keyword === 'enum') return `${name} must be one of ${params.allowedValues.filter(Boolean).join(', ')}${given}`
  return `${name} ${message} (${property?.maximum === undefined ? `at least ${property?.minimum}` : `${property.minimum} to ${property.maximum}`})${given}`
}

function hasCredentials (url: string): boolean {
  return /^https?:\/\/[^/]*@/i.test(url)
}
