import { lookup, type LookupAddress } from 'node:dns'
import type { LookupFunction } from 'node:net'

/**
 * Resolves a name for each new connection (`dns.lookup`), and puts its addresses in another order each time, so that the connections to
 * a name with many addresses spread over them and follow what changes. The family that the system prefers stays in front; Node goes on
 * to the next address when one does not accept the connection.
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
