'use strict'

// Defaults of `fastify start` for the gateway (npm run start:cli), so that it behaves as `node dist/server.js` does.
// FASTIFY_ADDRESS, FASTIFY_PORT and FASTIFY_CLOSE_GRACE_DELAY still count more.
module.exports = {
  // fastify-cli would listen on every address in a container, and on none that HOST names anywhere else.
  address: process.env.HOST || '127.0.0.1',
  // How long answers may go on is for DRAIN_TIMEOUT_MS to say; the default of 500 ms cuts every one of them.
  closeGraceDelay: 24 * 60 * 60 * 1000,
  // The default says nothing below fatal.
  logLevel: 'info'
}
