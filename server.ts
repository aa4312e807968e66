import closeWithGrace from 'close-with-grace'
import Fastify from 'fastify'
import gateway, { options } from './app.ts'
import { StartError } from './lib/start-error.ts'

const app = Fastify(options)

try {
  await app.register(gateway)
  const { HOST, PORT, DRAIN_DELAY_MS, DRAIN_TIMEOUT_MS } = app.config
  // The drain has bounds of its own; this one is for the case that something else hangs.
  closeWithGrace({ delay: DRAIN_DELAY_MS + DRAIN_TIMEOUT_MS + 10_000, logger: app.log }, async ({ err }) => {
    if (err) app.log.fatal({ err }, 'the process cannot go on')
    await app.close()
  })
  await app.listen({ host: HOST, port: PORT })
} catch (error) {
  app.log.fatal(error instanceof StartError ? error.message : error)
  process.exit(1)
}
