import { lookup, type LookupAddress } from 'node:dns'
import type { LookupFunction } from 'node:net'

/**
 * Makes a lookup function for sockets that resolves the name for each new connection (`dns.lookup`) and shuffles its addresses. Connections
 * to a name with many addresses are thus spread over all of them, and a change in DNS is noticed. Addresses of the family that the system
 * prefers stay first. When an address does not accept the connection, Node tries the next one.
 */
export function spreading (resolve: LookupFunction = lookup, random: () => number = Math.random): LookupFunction {
  return (hostname, options, callback) => {
    resolve(hostname, options, (error, address, family) => {
      callback(error, Array.isArray(address) ? shuffled(address, random) : address, family)
    })
  }
}

function shuffled (addresses: readonly LookupAddress[], random: () => number): LookupAddress[] {
  const preferred = addresses[0]?.family
  const keys = new Map(addresses.map(address => [address, random() + Number(address.family !== preferred)]))
  return [...addresses].sort((one, other) => Number(keys.get(one)) - Number(keys.get(other)))
}
