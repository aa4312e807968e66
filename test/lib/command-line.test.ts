import { test } from 'tap'
import { parseCommandLine, USAGE } from '../../lib/command-line.ts'

test('what a command line asks for', async t => {
  t.strictSame(parseCommandLine([]), { action: 'start', open: false, flags: {} })
  t.strictSame(parseCommandLine(['--port', '8080', '--host=::1', '--env-file', 'prod.env', '--open']), { action: 'start', open: true, envFile: 'prod.env', flags: { PORT: '8080', HOST: '::1' } })
  t.match(parseCommandLine(['-p', '1', '-p2', '-ce', 'x', '--']), { action: 'check', envFile: 'x', flags: { PORT: '2' } })
  t.match(parseCommandLine(['--check', '--version']), { action: 'version' })
  t.match(parseCommandLine(['--version', '-h']), { action: 'help' })
  t.match(parseCommandLine(['--port=-1']).flags, { PORT: '-1' }, 'which the rule of PORT refuses')
})

test('what is wrong with one, in a line', async t => {
  for (const [args, message] of [
    [['--prot', '1'], '--prot is no option: --port is meant, perhaps; --help lists them'],
    [['--hepl'], '--hepl is no option: --help is meant, perhaps; --help lists them'],
    [['--envfile=x'], '--envfile is no option: --env-file is meant, perhaps; --help lists them'],
    [['--PORT=1'], '--PORT is no option: --port is meant, perhaps; --help lists them'],
    [['--telemetry'], '--telemetry is no option; --help lists them'],
    [['-x'], '-x is no option; --help lists them'],
    [['--toString'], '--toString is no option; --help lists them'],
    [['--no-open'], '--no-open is no option; --help lists them'],
    [['8080'], '"8080" is no option; --help lists them'],
    [['--port'], '--port needs a value: --port N'],
    [['--port='], '--port needs a value: --port N'],
    [['--host', '--check'], '--host needs a value: --host ADDRESS'],
    [['--check=yes'], '--check takes no value']
  ] as const) t.throws(() => parseCommandLine(args), { name: 'StartError', message }, args.join(' '))
})

test('the usage names every option, in lines that fit a terminal', async t => {
  for (const option of ['--port N', '--host ADDRESS', '--env-file FILE', '--check', '--open', '--help', '--version']) t.match(USAGE, option)
  for (const line of USAGE.split('\n')) t.ok(line.length <= 130, line)
})
