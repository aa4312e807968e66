import { balances } from './balancing.ts'

balances({
  name: 'haproxy',
  debianPackage: 'haproxy',
  config: 'deploy/haproxy.cfg',
  // Its checks of /health/ready take a gateway out by themselves.
  command: file => ['haproxy', '-f', file]
})
