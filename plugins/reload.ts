import fp from 'fastify-plugin'
import { compareSettings } from '../lib/settings/renewal.ts'

declare module 'fastify' {
  interface FastifyInstance {
    /**
     * Reads the settings again and takes over API keys, the JWT secret and the token of the Copilot service, without touching an answer;
     * the log says what was taken over and what else has changed, which waits for a restart. Settings that a start would refuse
     * change nothing, and the log says why.
     */
    reload (): void
  }
}

/** Lets secrets be rotated in a process that goes on: the caller decides when, which in a process of its own is SIGHUP. */
export default fp(async function reload (app) {
  let running = app.environment

  app.decorate('reload', () => {
    try {
      const { config, values, known } = app.readSettings()
      const { renewed, waiting } = compareSettings(running, values, known)
      // The one that may still refuse comes first: everything is taken over, or nothing.
      if (renewed.includes('API_KEYS') || renewed.includes('JWT_SECRET')) app.renewCallers(config)
      if (renewed.includes('COPILOT_SERVICE_TOKEN')) app.copilot.renewToken(config.COPILOT_SERVICE_TOKEN)
      running = { ...running, ...Object.fromEntries(renewed.map(name => [name, values[name]])) }
      app.log.info({ renewed }, renewed.length > 0 ? 'the settings were read again: new secrets are in use' : 'the settings were read again: no secret has changed')
      if (waiting.length > 0) app.log.warn({ waiting }, `a restart is needed for what has changed in ${waiting.join(', ')}`)
    } catch (error) {
      // Nothing about settings is worth the answers in flight.
      app.log.error(`the settings were read again, and nothing has changed: ${String(error).replace(/^StartError: /, '')}`)
    }
  })
}, { name: 'reload', dependencies: ['config', 'auth', 'copilot'] })
