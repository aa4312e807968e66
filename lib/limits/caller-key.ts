import { isIPv6 } from 'node:net'
import type { Caller } from '../auth/caller.ts'

/**
 * The key by which limits count a client: the authenticated caller, else its address. Of an IPv6 address the first 64 bits count,
 * because a customer is given at least a /64 (RFC 6177) and may use any address in it.
 */
export function callerKey (caller: Caller | null, address: string | undefined): string {
  return caller && caller.kind !== 'none' ? `${caller.kind}:${caller.id}` : addressKey(address)
}

/** The part of {@link callerKey} for callers of whom only the address is known; that of a Unix socket is undefined. */
export function addressKey (address = 'local'): string {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1]
  if (mapped) return `address:${mapped}`
  return `address:${isIPv6(address) ? network(address) : address}`
}

/** The first four groups of an IPv6 address, written in one way only (RFC 4291 §2.2). */
function network (address: string): string {
  const [plain = ''] = address.split('%')
  const [head = [], tail = []] = plain.replace(/\d+(\.\d+){3}$/, '0:0').split('::').map(part => part.split(':').filter(Boolean))
  const zeros = new Array<string>(8 - head.length - tail.length).fill('0')
  const groups = [...head, ...zeros, ...tail].slice(0, 4)
  return `${groups.map(group => parseInt(group, 16).toString(16)).join(':')}::/64`
}
