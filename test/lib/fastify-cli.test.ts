import { test } from 'tap'
import { isFastifyCli } from '../../lib/fastify-cli.ts'

test('the command of fastify-cli is known by its file, and nothing else is taken for it', async t => {
  for (const script of ['/app/node_modules/.bin/fastify', '/usr/bin/fastify', '/app/node_modules/fastify-cli/cli.js', 'C:\\app\\node_modules\\fastify-cli\\start.js']) t.ok(isFastifyCli(script), script)
  for (const script of ['/home/me/fastify/server.js', '/app/dist/server.js', '/app/fastify', undefined]) t.notOk(isFastifyCli(script), String(script))
})
