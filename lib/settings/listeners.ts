import { isLoopback } from '../loopback.ts'
import { StartError } from '../start-error.ts'
import type { Config } from './schema.ts'

/** Throws a {@link StartError} for an address that other machines can reach while no authentication is configured. */
export function refuseOtherMachines (authMode: string, host: string): void {
  if (authMode === '' && !isLoopback(host)) {
    throw new StartError(`AUTH_MODE must be none, api-key or jwt to listen on ${host}: without it the gateway serves loopback addresses only`)
  }
}

/** The separate port for metrics; undefined when none is configured. Throws a {@link StartError} for a port that cannot be used. */
export function metricsPort ({ AUTH_MODE, HOST, METRICS_PORT, PORT }: Config): number | undefined {
  if (METRICS_PORT === '') return undefined
  const port = Number(METRICS_PORT)
  if (port > 65_535) throw new StartError(`METRICS_PORT must be <= 65535 (0 to 65535), not "${METRICS_PORT}"`)
  if (port === PORT && port !== 0) throw new StartError('METRICS_PORT must be another port than PORT; empty, the metrics are on PORT')
  refuseOtherMachines(AUTH_MODE, HOST)
  return port
}

const noSuchAddress = (): string => 'this machine has no such address; choose another one by HOST'

const ADVICE: Readonly<Record<string, (portSetting: string) => string>> = {
  EADDRINUSE: portSetting => `another process listens there; choose another port by ${portSetting}`,
  EACCES: portSetting => `this user may not listen there; choose another port, over 1023, by ${portSetting}`,
  EADDRNOTAVAIL: noSuchAddress,
  ENOTFOUND: noSuchAddress
}

/** Adds to the message of an error of `listen` the name of the setting that chooses another address or port; returns the error. */
export function explainListen (error: unknown, portSetting: string): unknown {
  if (error instanceof Error && 'code' in error) {
    const advice = ADVICE[String(error.code)]?.(portSetting)
    if (advice) error.message += `: ${advice}`
  }
  return error
}
