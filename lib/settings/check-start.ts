import { authenticator } from '../auth/authenticator.ts'
import { corsOrigins } from '../cors-origins.ts'
import { hostCheck } from '../host-names.ts'
import { refuseCallerTokens } from '../copilot/caller-token.ts'
import { checkSettings } from './check.ts'
import type { Environment } from './collect.ts'
import { metricsPort, refuseOtherMachines } from './listeners.ts'
import type { Config } from './schema.ts'

/** Checks everything in the settings that would stop a start, without opening a connection or a port. Throws a `StartError` of one line. */
export function checkStart (values: Environment): Config {
  const config = checkSettings(values)
  authenticator(config)
  corsOrigins(config.CORS_ORIGIN)
  hostCheck(config.ALLOWED_HOSTS)
  metricsPort(config)
  refuseOtherMachines(config.AUTH_MODE, config.HOST)
  refuseCallerTokens(config)
  return config
}
