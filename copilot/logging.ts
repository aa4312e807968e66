import type { FastifyServerOptions } from 'fastify'

/** Logs for a reader on a terminal, JSON lines for everybody else. */
export function loggerOptions (level: string, onTerminal: boolean): FastifyServerOptions['logger'] {
  return onTerminal ? { level, transport: { target: 'pino-pretty', options: { ignore: 'pid,hostname' } } } : { level }
}
