import { readFileSync } from 'node:fs'
import { parseEnv } from 'node:util'
import { StartError } from '../start-error.ts'
import { parseEnvFile } from './env-file.ts'
import { readTextFile } from './text-file.ts'

/** Environment variables by name. */
export type Environment = Readonly<Record<string, string | undefined>>

/** Where settings may come from, in rising precedence: a flag wins over the environment, and the environment over the file. */
export interface Sources {
  /** A file of `NAME=value` lines. A missing file is an error when it is `required`. */
  readonly file?: { readonly path: string, readonly required: boolean }
  /** The variables of the process. */
  readonly environment: Environment
  /** Settings from the command line, by the name of the setting. */
  readonly flags?: Environment
}

/** The collected settings, before validation. */
export interface Collected {
  /** Every variable with a non-empty value. A secret that was given as `<NAME>_FILE` is listed under `<NAME>`. */
  readonly values: Readonly<Record<string, string>>
  /** The source of each value: `environment`, `flag`, `.env`, or `file <path>`. */
  readonly origins: Readonly<Record<string, string>>
}

/**
 * Collects settings from their sources. An empty variable counts as unset, because compose files and templates leave unused variables
 * empty. Each of `secrets` may be given as `<NAME>_FILE`, the path of a file that holds it, with or without a line end behind it.
 * Throws a {@link StartError} of one line for a file that cannot be read or is malformed, and for a secret that is given both ways.
 */
export function collectSettings ({ file, environment, flags = {} }: Sources, secrets: readonly string[] = []): Collected {
  const values: Record<string, string> = {}
  const origins: Record<string, string> = {}
  const take = (more: Environment, origin: string): void => {
    for (const [name, value] of Object.entries(more)) {
      if (!value) continue
      values[name] = value
      origins[name] = origin
    }
  }

  const own = file ? readSettingsFile(file) : { values: {}, byNode: {} }
  take(environment, 'environment')
  for (const [name, value] of Object.entries(own.values)) {
    // fastify-cli and Node's --env-file also load the file into the environment, with a less strict parser. Such a value comes from the file, too.
    if (!values[name] || values[name] === own.byNode[name]) take({ [name]: value }, file?.path === '.env' ? '.env' : `file ${file?.path}`)
  }
  take(flags, 'flag')

  for (const name of secrets) {
    const path = values[`${name}_FILE`]
    if (path === undefined) continue
    if (values[name] !== undefined) throw new StartError(`${name} and ${name}_FILE must not be set both`)
    take({ [name]: readSecret(`${name}_FILE`, path) }, `file ${path}`)
  }
  return { values, origins }
}

function readSettingsFile ({ path, required }: NonNullable<Sources['file']>) {
  const text = readTextFile(path)
  if (text === undefined && required) throw new StartError(`${path} cannot be read: there is no such file`)
  return text === undefined ? { values: {}, byNode: {} } : { values: parseEnvFile(path, text), byNode: parseEnvAsNode(path) }
}

/** The same file as Node's own parser reads it. */
function parseEnvAsNode (path: string): Environment {
  return parseEnv(readFileSync(path, 'utf8'))
}

function readSecret (name: string, path: string): string {
  const secret = readTextFile(path)?.replace(/\n+$/, '')
  if (secret) return secret
  throw new StartError(`${name}: ${path} ${secret === undefined ? 'is not there' : 'is empty'}`)
}
