import { isIP } from 'node:net'

/** The networks that `@fastify/proxy-addr` knows by name. */
const NAMED = ['loopback', 'linklocal', 'uniquelocal']

/**
 * Reads `TRUST_PROXY` as Fastify's `trustProxy`: `true`, `false`, or addresses and networks, comma-separated. A hop count
 * is understood and trusts nobody, as in Fastify: it cannot tell a proxy from a client that reaches the gateway directly.
 * Undefined for anything else.
 */
export function trustProxy (text: string): boolean | string | undefined {
  if (text === 'true') return true
  if (text === 'false' || isHopCount(text)) return false
  return text.split(',').every(part => isNetwork(part.trim())) ? text : undefined
}

/** True for a number of proxies in front of the gateway. */
export function isHopCount (text: string): boolean {
  return /^\d+$/.test(text)
}

function isNetwork (text: string): boolean {
  if (NAMED.includes(text)) return true
  const [address = '', prefix, ...rest] = text.split('/')
  const bits = isIP(address) === 4 ? 32 : 128
  return isIP(address) !== 0 && rest.length === 0 && (prefix === undefined || (/^\d{1,3}$/.test(prefix) && Number(prefix) <= bits))
}
