import closeWithGrace from 'close-with-grace'
import { loggerOptions } from '../lib/logger-options.ts'
import { collectSettings } from '../lib/settings/collect.ts'
import { companionSecrets } from '../lib/settings/companion.ts'
import { explainListen } from '../lib/settings/listeners.ts'
import { buildCopilotService } from './app.ts'
import { readCopilotConfig, readServerConfig } from './config.ts'

/** Signals that are not a request to shut down. With a listener for a signal such as SIGSEGV, Node would repeat the faulting instruction for ever. */
const NOT_FOR_US = ['SIGILL', 'SIGTRAP', 'SIGABRT', 'SIGBUS', 'SIGFPE', 'SIGSEGV', 'SIGUSR2', 'SIGHUP'] satisfies NodeJS.Signals[]

/** Runs the stand-alone process: reads the configuration, starts the service, and drains on SIGTERM and SIGINT. */
async function main (): Promise<void> {
  // The same strict parser as the gateway's: a line that it does not understand stops the start.
  const { values } = collectSettings({ environment: process.env, file: { path: '.env', required: false } }, companionSecrets)
  const config = readCopilotConfig(values)
  const { host, port, logLevel, drainTimeoutMs } = readServerConfig(values)
  const app = await buildCopilotService({ config, logger: loggerOptions(logLevel, process.stdout.isTTY) })

  process.on('SIGHUP', () => app.log.info('SIGHUP: nothing is reloaded, a restart is needed to change settings'))
  closeWithGrace({ delay: drainTimeoutMs + 10_000, logger: app.log, skip: NOT_FOR_US }, async ({ signal, err }) => {
    app.log.warn({ signal, err }, 'draining')
    let cut = false
    // The connections are destroyed and not ended, so that a cut answer does not look whole.
    const timer = setTimeout(() => {
      cut = true
      app.server.closeAllConnections()
    }, drainTimeoutMs)
    await app.close()
    clearTimeout(timer)
    // An error makes the exit code 1.
    if (cut) throw new Error(`answers were cut: they did not end within ${drainTimeoutMs} ms`)
  })

  await app.listen({ host, port }).catch((error: unknown) => { throw explainListen(error, 'COPILOT_PORT') })
  app.log.info({ engine: config.engine }, 'Copilot service ready')
}

main().catch((error: Error) => {
  console.error(error.message)
  process.exit(1)
})
