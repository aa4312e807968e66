/** Where the command of fastify-cli is: in `node_modules/.bin`, installed for the machine, or called by its file. */
const COMMAND = /[\\/](?:\.?bin[\\/]fastify|fastify-cli[\\/]\w+\.js)$/

/** True when `script`, which is `process.argv[1]`, is the command of fastify-cli: the process is then the gateway's alone. */
export function isFastifyCli (script = ''): boolean {
  return COMMAND.test(script)
}
