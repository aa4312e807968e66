import { logDestination } from './log-destination.ts'

/** The levels of pino, gravest first. */
const LEVELS = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent']

/** What never reaches a log, wherever an object that has it is logged. */
const SECRETS = ['authorization', 'cookie', '["set-cookie"]', '["x-api-key"]', '["proxy-authorization"]', 'token', 'apiKey', 'password', 'secret']

/**
 * Options of a pino logger: lines for people on a terminal, JSON for machines anywhere else, credentials redacted.
 * A `level` that pino does not know becomes `info`; that it is wrong is for the configuration's own check to say.
 */
export function loggerOptions (level: string | undefined, isTerminal: boolean) {
  const paths = SECRETS.flatMap(name => {
    const key = name.startsWith('[') ? name : `.${name}`
    return ['', '*', 'headers', '*.headers', '*.*'].map(parent => `${parent}${key}`.replace(/^\./, ''))
  })
  return {
    level: level && LEVELS.includes(level) ? level : 'info',
    redact: { paths, censor: '[redacted]' },
    ...(isTerminal
      ? { transport: { target: 'pino-pretty', options: { translateTime: 'HH:MM:ss.l', ignore: 'pid,hostname' } } }
      : { stream: logDestination() })
  }
}
