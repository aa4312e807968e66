import { Ajv, type AnySchemaObject } from 'ajv'
import type { FastifySchemaValidationError } from 'fastify/types/schema.js'
import fp from 'fastify-plugin'
import { GatewayError, type Issue } from '../lib/errors.ts'

/** The most issues that one reply lists. */
const MAX_ISSUES = 20

/** One for all gateways of a process, since making one takes longer than all the rest of a start. */
const ajv = new Ajv({ allErrors: true, useDefaults: true, coerceTypes: false, removeAdditional: false, strict: false })
ajv.addKeyword({
  keyword: 'trim',
  type: 'string',
  schemaType: 'boolean',
  modifying: true,
  before: 'maxLength',
  errors: false,
  validate: (_trim: boolean, value: string, _schema: unknown, where?: { parentData: Record<string, unknown>, parentDataProperty: string | number }) => {
    if (where) where.parentData[where.parentDataProperty] = value.trim()
    return true
  }
})
// A body of 1 MiB has room for half a million wrong items; reporting each would block the event loop for half a second.
ajv.addKeyword({
  keyword: 'bounded',
  type: 'array',
  schemaType: 'boolean',
  modifying: true,
  before: 'items',
  errors: false,
  compile: (_bounded: boolean, { items }: AnySchemaObject) => {
    const isRight = ajv.compile(items)
    return (value: unknown[]) => {
      let wrong = 0
      const last = value.findIndex(item => !isRight(item) && ++wrong > MAX_ISSUES)
      if (last >= 0) value.length = last + 1
      return true
    }
  }
})

/**
 * Validates requests as they are: a number is not taken for a string, unknown fields are ignored, defaults are filled in.
 * Every broken rule is named, in the error contract's form. Two keywords of its own: strings marked `trim` are trimmed
 * before their length is looked at; arrays marked `bounded` are cut where they have more wrong items than one reply names.
 */
export default fp(async function validation (app) {
  app.setValidatorCompiler(({ schema }) => ajv.compile(schema))
  app.setSchemaErrorFormatter((errors, part) => new GatewayError('invalid_request', {
    issues: errors.slice(0, MAX_ISSUES).map(error => toIssue(error, part))
  }))
}, { name: 'validation' })

function toIssue ({ keyword, instancePath, message = 'is not valid', params }: FastifySchemaValidationError, part: string): Issue {
  const path = [...(part === 'body' ? [] : [part]), ...instancePath.split('/').slice(1)]
  if (keyword === 'required') return { path: [...path, params.missingProperty].join('.'), message: 'is required' }
  if (keyword === 'enum') return { path: path.join('.'), message: `must be one of ${[params.allowedValues].flat().join(', ')}` }
  return { path: path.join('.'), message }
}
