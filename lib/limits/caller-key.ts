import { isIPv6 } from 'node:net'
import type { Caller } from '../auth/caller.ts'

/**
 * Names who is counted by the limits: the caller, when it is known who that is, else its address. Of an IPv6 address
 * that is the first 64 bits, which is the least that one customer is given (RFC 6177): all of them are one client's to choose.
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
