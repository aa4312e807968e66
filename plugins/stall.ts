import { Socket } from 'node:net'
import fp from 'fastify-plugin'
import { GatewayError } from '../lib/errors.ts'

/** Cuts replies whose reader takes no byte for `CLIENT_STALL_TIMEOUT_MS` while bytes wait for it. */
export default fp(async function stall (app) {
  app.addHook('onRequest', async ({ exchange, raw: { socket } }, { raw }) => {
    // A request of `inject` has no connection that could stall.
    if (!(socket instanceof Socket)) return
    // Node restarts this timer with every byte that the reader takes, and with every write.
    raw.setTimeout(app.config.CLIENT_STALL_TIMEOUT_MS, () => {
      if (raw.writableLength > 0) exchange.disconnect(new GatewayError('client_stalled'))
    })
  })
}, { name: 'stall', dependencies: ['config', 'exchange'] })
