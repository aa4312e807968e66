#!/usr/bin/env node
import closeWithGrace from 'close-with-grace'
import Fastify from 'fastify'
import gateway, { options } from './app.ts'
import { StartError } from './lib/start-error.ts'

/** Signals that are no request to shut down. A listener for a fault of native code would have it happen again, for ever. */
const NOT_FOR_US = ['SIGILL', 'SIGTRAP', 'SIGABRT', 'SIGBUS', 'SIGFPE', 'SIGSEGV', 'SIGUSR2'] satisfies NodeJS.Signals[]

const app = Fastify(options)

try {
  await app.register(gateway)
  const { HOST, PORT, DRAIN_DELAY_MS, DRAIN_TIMEOUT_MS } = app.config
  // The drain has bounds of its own; this one is for the case that something else hangs.
  closeWithGrace({ delay: DRAIN_DELAY_MS + DRAIN_TIMEOUT_MS + 10_000, logger: app.log, skip: NOT_FOR_US }, async ({ err }) => {
    if (err) app.log.fatal({ err }, 'the process cannot go on')
    await app.close()
  })
  await app.listen({ host: HOST, port: PORT })
} catch (error) {
  // What the operator can mend needs no stack: a setting, or an address that cannot be listened on.
  const mendable = error instanceof StartError || (error instanceof Error && 'syscall' in error)
  app.log.fatal(mendable ? error.message : error)
  process.exit(1)
}
