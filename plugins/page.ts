import { existsSync } from 'node:fs'
import { basename } from 'node:path'
import { fileURLToPath } from 'node:url'
import fastifyStatic from '@fastify/static'
import fp from 'fastify-plugin'
import type { PageOptions } from '../lib/gateway-options.ts'

/** The files of the page, by path. */
const FILES = { '/': 'index.html', '/main.js': 'main.js', '/styles.css': 'styles.css', '/icon.svg': 'icon.svg' }

/** The Content-Security-Policy: the page may load its own files and talk to its own gateway, and no text can become a script. */
const directives = {
  defaultSrc: ["'none'"],
  scriptSrc: ["'self'"],
  styleSrc: ["'self'"],
  imgSrc: ["'self'"],
  connectSrc: ["'self'"],
  baseUri: ["'none'"],
  formAction: ["'none'"],
  frameAncestors: ["'none'"],
  requireTrustedTypesFor: ["'script'"],
  trustedTypes: ["'none'"]
}

/** Serves the page at `/`, without authentication: only questions need it. `DEMO_PAGE=off` removes the page. */
export default fp<PageOptions>(async function page (app, { page = true, pageRoot: root = fileURLToPath(new URL('../public/', import.meta.url)) }) {
  if (!page || app.config.DEMO_PAGE === 'off') return
  if (!existsSync(`${root}/main.js`)) {
    app.log.warn('there is no page to try: it was not built')
    return
  }
  await app.register(fastifyStatic, {
    root,
    serve: false,
    // The host application may use @fastify/static itself, and only one registration may decorate the reply.
    decorateReply: !app.hasReplyDecorator('sendFile'),
    // Browsers revalidate the page by its ETag, so that a new version shows at once.
    cacheControl: false,
    setHeaders: reply => { reply.header('Cache-Control', 'no-cache') }
  })
  for (const [path, file] of Object.entries(FILES)) {
    app.get(path, { prefixTrailingSlash: 'slash', schema: { hide: true }, helmet: { contentSecurityPolicy: { useDefaults: false, directives } } }, async (_request, reply) => reply.sendFile(file, root))
  }
  if (app.prefix) {
    // The page names its files relative to itself. The target is relative, too: a proxy in front may have a prefix of its own.
    app.get('', { prefixTrailingSlash: 'no-slash', schema: { hide: true } }, async (_request, reply) => reply.redirect(`${basename(app.prefix)}/`))
  }
  app.addHook('onListen', async () => {
    app.log.info(`to try it, open ${app.listeningOrigin.replace(/\/\/(0\.0\.0\.0|\[::\])/, '//localhost')}${app.prefix && `${app.prefix}/`}`)
  })
}, { name: 'page', dependencies: ['config', 'security-headers'] })
