import { StartError } from '../start-error.ts'

/** White space or a comment up to the end of the line. */
const BLANK = /[^\S\n]*(?:#[^\n]*)?(?:\n|$)/y
const NAME = /[^\S\n]*(?:export[^\S\n]+)?([A-Za-z_][\w.-]*)[^\S\n]*=[^\S\n]*/y
const QUOTED = /(?:"([^"]*)"|'([^']*)'|`([^`]*)`)[^\S\n]*(?:#[^\n]*)?(?:\n|$)/y
const BARE = /(?!["'`])([^\n]*)(?:\n|$)/y

/**
 * Parses the text of a settings file: `NAME=value` lines, with `export` or without, and comments. A quoted value may span several
 * lines. `\n` in double quotes is a line end. As in a shell, a `#` begins a comment only at the beginning of a value or after white
 * space, so that a secret that contains `#` is not cut off. When a name occurs several times, the last value counts.
 *
 * Node's `parseEnv` reads the same format, but skips lines that it does not understand. A skipped line could leave a gateway without
 * the authentication it was meant to have. Here such a line is a {@link StartError} that names `path` and the number of the line,
 * without its content.
 */
export function parseEnvFile (path: string, text: string): Record<string, string> {
  const values: Record<string, string> = {}
  let at = 0
  const next = (pattern: RegExp): RegExpExecArray | null => {
    pattern.lastIndex = at
    const match = pattern.exec(text)
    if (match) at = pattern.lastIndex
    return match
  }

  while (at < text.length) {
    if (next(BLANK)) continue
    const line = text.slice(0, at).split('\n').length
    const name = next(NAME)?.[1]
    if (name === undefined) throw new StartError(`${path} cannot be read: line ${line} is no setting, which is NAME=value`)
    const quoted = next(QUOTED)
    const bare = quoted ? undefined : next(BARE)?.[1]
    if (quoted) values[name] = quoted[1]?.replaceAll('\\n', '\n') ?? quoted.slice(2).join('')
    else if (bare !== undefined) values[name] = bare.replace(/(?:^|\s)#.*$/, '').trim()
    else throw new StartError(`${path} cannot be read: the quotes of ${name} in line ${line} do not end, or something follows them`)
  }
  return values
}
