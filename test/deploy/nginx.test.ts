import { balances } from './balancing.ts'

balances({
  name: 'nginx',
  debianPackage: 'nginx-light',
  config: 'deploy/nginx.conf',
  command: (file, directory) => ['nginx', '-p', directory, '-c', file, '-g', 'daemon off;'],
  // nginx checks nothing by itself: an operator does what docs/operations.md says.
  takeOut: async balanced => balanced.reconfigure((config, [first]) => config.replace(`server ${first};`, `server ${first} down;`))
})
