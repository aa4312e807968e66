import { parseArgs } from 'node:util'
import { nearest } from './settings/misspelt.ts'
import { StartError } from './start-error.ts'

const OPTIONS = {
  port: { type: 'string', short: 'p', value: 'N', help: 'the port to listen on; 0: a free one (PORT)' },
  host: { type: 'string', short: 'H', value: 'ADDRESS', help: 'the address to listen on (HOST)' },
  'env-file': { type: 'string', short: 'e', value: 'FILE', help: 'reads settings from FILE instead of .env' },
  check: { type: 'boolean', short: 'c', value: '', help: 'checks the settings, prints them and where they are from, and starts nothing' },
  open: { type: 'boolean', short: 'o', value: '', help: 'opens the page in a browser once the gateway listens' },
  help: { type: 'boolean', short: 'h', value: '', help: 'prints this' },
  version: { type: 'boolean', short: 'v', value: '', help: 'prints the version' }
} as const

type Option = keyof typeof OPTIONS

/** What a command line asks for. */
export interface Command {
  readonly action: 'start' | 'check' | 'help' | 'version'
  /** Open the page in a browser once the gateway listens. */
  readonly open: boolean
  /** The file to read settings from; absent: `.env`, if there is one. */
  readonly envFile?: string
  /** Settings that the command line gives, by name. */
  readonly flags: Readonly<Record<string, string>>
}

/** What `--help` prints. */
export const USAGE = [
  'Usage: copilot-stream-gateway [options]',
  '',
  'Streams the answers of a Copilot service to web pages and other clients.',
  '',
  ...Object.entries(OPTIONS).map(([name, { short, value, help }]) => `  -${short}, ${`--${name} ${value}`.padEnd(18)}  ${help}`),
  '',
  'Every setting is an environment variable, or a line of .env; an option counts more. docs/settings.md lists them, --check shows',
  'those in effect. Without any, a demo answers on http://127.0.0.1:3000.',
  ''
].join('\n')

/**
 * Reads the arguments of the command, those behind the script's name. Throws a {@link StartError} of one line for an option that
 * there is not, with the one that was meant, perhaps; for one without its value; and for anything else than options.
 */
export function parseCommandLine (args: readonly string[]): Command {
  const given: Partial<Record<Option, string>> = {}
  for (const token of parseArgs({ args: [...args], options: OPTIONS, strict: false, tokens: true }).tokens) {
    if (token.kind === 'option-terminator') continue
    if (token.kind === 'positional') throw new StartError(`${JSON.stringify(token.value)} is no option; --help lists them`)
    const { name, rawName, value, inlineValue } = token
    if (!isOption(name)) {
      const meant = nearest(name.toLowerCase(), Object.keys(OPTIONS))
      throw new StartError(`${rawName} is no option${meant === undefined ? '' : `: --${meant} is meant, perhaps`}; --help lists them`)
    }
    const takesValue = OPTIONS[name].type === 'string'
    if (takesValue && (!value || (!inlineValue && value.startsWith('-')))) throw new StartError(`${rawName} needs a value: ${rawName} ${OPTIONS[name].value}`)
    if (!takesValue && value !== undefined) throw new StartError(`${rawName} takes no value`)
    given[name] = value ?? ''
  }

  const { port, host, 'env-file': envFile, check, open, help, version } = given
  return {
    action: help !== undefined ? 'help' : version !== undefined ? 'version' : check !== undefined ? 'check' : 'start',
    open: open !== undefined,
    ...(envFile !== undefined && { envFile }),
    flags: { ...(port !== undefined && { PORT: port }), ...(host !== undefined && { HOST: host }) }
  }
}

function isOption (name: string): name is Option {
  return Object.hasOwn(OPTIONS, name)
}
