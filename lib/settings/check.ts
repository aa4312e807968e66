import { Ajv, type ErrorObject } from 'ajv'
import Type, { type Static } from 'typebox'
import { serviceUrls, withoutCredentials } from '../copilot/service-urls.ts'
import { sanitize } from '../redact.ts'
import { StartError } from '../start-error.ts'
import { trustProxy } from '../trust-proxy.ts'
import type { Environment } from './collect.ts'
import { type Annotations, annotationsOf, Config } from './schema.ts'

/** Validates settings: fills in the defaults of absent ones and removes unknown names. */
export const ajv = new Ajv({ allErrors: true, removeAdditional: 'all', useDefaults: true, strict: false })

const URLS = ['JWT_JWKS_URL', 'REDIS_URL', 'OTEL_EXPORTER_OTLP_ENDPOINT'] as const

/**
 * Validates the settings of the gateway, converts each to its type, and fills in defaults. Throws a {@link StartError} of one line
 * that names every broken rule, with the value that was given where the setting is a number or a choice.
 */
export function checkSettings (values: Environment): Config {
  const config = checkAgainst(Config, values)
  const services = serviceUrls(config.COPILOT_SERVICE_URL)
  const broken = (services.every(url => URL.canParse(url)) ? undefined : 'COPILOT_SERVICE_URL') ??
    URLS.find(name => config[name] && !URL.canParse(config[name])) ?? (trustProxy(config.TRUST_PROXY) === undefined ? 'TRUST_PROXY' : undefined)
  if (broken) throw new StartError(`${broken} must be ${annotationsOf(Config.properties)[broken]?.rule}`)
  if (config.COPILOT_SERVICE_TOKEN && services.some(hasCredentials)) {
    throw new StartError('COPILOT_SERVICE_URL must have no name or password in it when COPILOT_SERVICE_TOKEN is set: both are one header')
  }
  const twice = services.map(withoutCredentials).find((url, index, urls) => urls.indexOf(url) !== index)
  if (twice !== undefined) throw new StartError(`COPILOT_SERVICE_URL names ${twice} twice`)
  return config
}

/**
 * Converts variables into settings by a schema: each gets its type or its default, an empty variable counts as absent, and unknown
 * names are removed. Throws a {@link StartError} of one line that names every broken rule.
 */
export function checkAgainst<Schema extends Type.TObject> (schema: Schema, values: Environment): Static<Schema> {
  const settings: unknown = Object.fromEntries(Object.entries(schema.properties).flatMap(([name, property]) => {
    const text = values[name]
    return text ? [[name, Type.IsInteger(property) && /^\s*-?\d+\s*$/.test(text) ? Number(text) : text]] : []
  }))
  const isValid = ajv.compile<Static<Schema>>(schema)
  if (isValid(settings)) return settings
  const properties = annotationsOf(schema.properties)
  throw new StartError(`${isValid.errors?.map(error => explain(error, properties, values)).join('; ')}`)
}

function explain ({ keyword, instancePath, message, params }: ErrorObject, properties: Readonly<Record<string, Annotations>>, values: Environment): string {
  const name = instancePath.slice(1)
  const property = properties[name]
  if (keyword === 'pattern') return `${name} must be ${property?.rule}`
  const value = String(values[name])
  // Two settings that were written on one line are one value, which may have a secret in it.
  const given = value.includes('=') ? '' : `, not ${JSON.stringify(sanitize(value, [], 60))}`
  if (keyword === 'enum') return `${name} must be one of ${params.allowedValues.filter(Boolean).join(', ')}${given}`
  if (keyword === 'maxLength') return `${name} must have at most ${params.limit} characters`
  return `${name} ${message} (${property?.maximum === undefined ? `at least ${property?.minimum}` : `${property.minimum} to ${property.maximum}`})${given}`
}

function hasCredentials (url: string): boolean {
  return /^https?:\/\/[^/]*@/i.test(url)
}
