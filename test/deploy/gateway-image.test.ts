import tap, { test } from 'tap'
import { collector } from '../collector.ts'
import { json, upstream } from '../helper.ts'
import { buildImage, checkHealth, start } from './image.ts'

// Packages are installed and everything is compiled, on a machine that may have other work.
tap.setTimeout(300_000)

test("the gateway's Dockerfile, carried out in an empty directory", async t => {
  const image = await buildImage(t, 'deploy/Dockerfile')
  const service = await upstream(t, { '/models': json(200, { models: [{ id: 'gpt-x' }] }) })

  await t.test('makes a gateway that serves, is healthy, and stops with exit code 0 on SIGTERM', async t => {
    const sink = await collector(t)
    const gateway = start(t, image, { AUTH_MODE: 'none', COPILOT_SERVICE_URL: service.url, HOST: '127.0.0.1', PORT: '0', OTEL_EXPORTER_OTLP_ENDPOINT: sink.url })
    const url = (await gateway.message(/^Server listening at /)).replace(/^\D+/, 'http://')
    const { port } = new URL(url)

    const response = await fetch(`${url}/api/models`)
    t.strictSame(await response.json(), { models: [{ id: 'gpt-x' }] })
    t.match(await (await fetch(url)).text(), /^<!doctype html>/, 'the page is a part of it')
    t.equal(await checkHealth(image, { PORT: port }), 0)

    gateway.process.kill('SIGTERM')
    t.equal(await gateway.exitCode, 0)
    t.strictSame(sink.spans.map(({ name }) => name), ['GET', 'GET /api/models'], 'traces are sent before it ends')
    t.equal(await checkHealth(image, { PORT: port }), 1, 'a gateway that is gone is not healthy')
  })

  await t.test('makes a gateway that does not start before somebody says who may ask', async t => {
    const gateway = start(t, image, { COPILOT_SERVICE_URL: service.url, PORT: '0' })
    t.match(await gateway.message(/AUTH_MODE/), /none, api-key or jwt/)
    t.equal(await gateway.exitCode, 1)
  })
})
