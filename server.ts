#!/usr/bin/env node
import closeWithGrace from 'close-with-grace'
import Fastify from 'fastify'
import fp from 'fastify-plugin'
import pkg from './package.json' with { type: 'json' }
import gateway, { type GatewayOptions, serverOptions } from './app.ts'
import { readCopilotConfig } from './copilot/config.ts'
import { type Command, parseCommandLine, USAGE } from './lib/command-line.ts'
import { openBrowser } from './lib/open-browser.ts'
import { checkStart } from './lib/settings/check-start.ts'
import { collectSettings, type Environment, type Sources } from './lib/settings/collect.ts'
import { explainListen } from './lib/settings/listeners.ts'
import { reportSettings } from './lib/settings/report.ts'
import { StartError } from './lib/start-error.ts'
import { inEffect, processSources, SECRETS, settingWarnings } from './plugins/config.ts'

/** Signals that are no request to shut down. A listener for a fault of native code would have it happen again, for ever. */
const NOT_FOR_US = ['SIGILL', 'SIGTRAP', 'SIGABRT', 'SIGBUS', 'SIGFPE', 'SIGSEGV', 'SIGUSR2', 'SIGHUP'] satisfies NodeJS.Signals[]

try {
  const command = parseCommandLine(process.argv.slice(2))
  if (command.action === 'help') process.stdout.write(USAGE)
  else if (command.action === 'version') process.stdout.write(`${pkg.version}\n`)
  else if (command.action === 'check') check(sourcesOf(command))
  else await start(sourcesOf(command), command.open)
} catch (error) {
  // Errors of the command line and of --check go to the terminal; a start writes its own to the log.
  process.stderr.write(`${String(error).replace(/^StartError: /, '')}\n`)
  process.exitCode = 1
}

function sourcesOf ({ envFile, flags }: Command): Sources {
  return { ...processSources(), ...(envFile !== undefined && { file: { path: envFile, required: true } }), flags }
}

/** Prints the settings in effect; throws when the gateway would not start with them. */
function check (sources: Sources): void {
  const collected = collectSettings(sources, SECRETS)
  const { COPILOT_SERVICE_URL } = checkStart(collected.values)
  if (!COPILOT_SERVICE_URL) readCopilotConfig(collected.values)
  process.stdout.write(reportSettings(inEffect(COPILOT_SERVICE_URL === ''), collected))
  for (const warning of settingWarnings(collected.values)) process.stderr.write(`${warning}\n`)
}

async function start (sources: Sources, open: boolean): Promise<void> {
  const app = Fastify(serverOptions(readable(sources)))
  process.on('SIGHUP', () => {
    // A start that is still under way reads what there is.
    if (app.hasDecorator('reload')) app.reload()
  })
  try {
    // Not encapsulated (fastify-plugin): this process is the gateway's alone, and reads its decorators.
    await app.register(fp<GatewayOptions>(async (app, options) => await gateway(app, options)), { sources })
    const { HOST, PORT, DEMO_PAGE, DRAIN_DELAY_MS, DRAIN_TIMEOUT_MS } = app.config
    // The drain has bounds of its own; this one is for the case that something else hangs.
    closeWithGrace({ delay: DRAIN_DELAY_MS + DRAIN_TIMEOUT_MS + 10_000, logger: app.log, skip: NOT_FOR_US }, async ({ err }) => {
      if (err) app.log.fatal({ err }, 'the process cannot go on')
      await app.close()
    })
    const url = await app.listen({ host: HOST, port: PORT }).catch((error: unknown) => { throw explainListen(error, 'PORT or --port') })
    if (!open) return
    const failure = DEMO_PAGE === 'on' ? await openBrowser(url) : new Error('DEMO_PAGE is off')
    if (failure) app.log.warn({ err: failure }, 'no page was opened')
  } catch (error) {
    // What the operator can fix needs no stack: a setting, or an address that cannot be listened on.
    const mendable = error instanceof StartError || (error instanceof Error && 'syscall' in error)
    app.log.fatal(mendable ? error.message : error)
    process.exit(1)
  }
}

/** The settings for the options of the server. When they cannot be read, plugins/config.ts reports it in the log. */
function readable (sources: Sources): Environment {
  try {
    return collectSettings(sources, SECRETS).values
  } catch {
    return process.env
  }
}
