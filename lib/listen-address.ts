import { isLoopback } from './loopback.ts'

/**
 * Where a call of `net.Server.listen` with these arguments would be reached by other machines, in words; undefined when it would
 * be by none: a loopback address, or a path of the file system. What cannot be known before it listens, as a file descriptor, is
 * taken for reachable. The forms are those of https://nodejs.org/api/net.html#serverlisten, in Node's order of precedence.
 */
export function reachableAt (args: readonly unknown[]): string | undefined {
  const { fd, host, path, port } = optionsOf(args)
  if (fd !== undefined) return 'a file descriptor'
  if (port === undefined && typeof path === 'string') return undefined
  // Without a host, or with an empty one, Node listens on every address of the machine.
  if (host === undefined || host === null || host === '') return 'all addresses'
  return isLoopback(String(host)) ? undefined : String(host)
}

interface ListenOptions { readonly fd?: unknown, readonly host?: unknown, readonly path?: unknown, readonly port?: unknown }

function optionsOf ([first, second]: readonly unknown[]): ListenOptions {
  if (isObject(first)) return { fd: first.fd ?? first.handle ?? first._handle ?? undefined, host: first.host, path: first.path, port: first.port ?? undefined }
  if (typeof first === 'string' && !(Number(first) >= 0)) return { path: first }
  return { port: first, host: typeof second === 'string' ? second : undefined }
}

function isObject (value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null
}
