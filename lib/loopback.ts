import { BlockList, isIP } from 'node:net'

const loopback = new BlockList()
loopback.addSubnet('127.0.0.0', 8)
loopback.addAddress('::1', 'ipv6')

/** True for `localhost` and the addresses that only this machine can reach (RFC 1122 §3.2.1.3, RFC 4291 §2.5.3). */
export function isLoopback (host: string): boolean {
  const version = isIP(host)
  return version === 0 ? host.toLowerCase() === 'localhost' : loopback.check(host, version === 6 ? 'ipv6' : 'ipv4')
}

/**
 * True for a `Host` (RFC 9110 §7.2), with or without a port, that names this machine and can name nothing else, whoever
 * answers for DNS: loopback addresses, `localhost` and what is below it (RFC 6761 §6.3). False for what is no host.
 */
export function isLoopbackHost (host: string): boolean {
  const [, address, name = ''] = /^(?:\[([\da-f:]+)\]|([\w.-]+))(?::\d*)?$/i.exec(host) ?? []
  return isLoopback(address ?? name) || /(?:^|\.)localhost\.?$/i.test(name)
}
