import { StartError } from '../start-error.ts'

/** Nothing, or a comment, to the end of the line. */
const BLANK = /[^\S\n]*(?:#[^\n]*)?(?:\n|$)/y
const NAME = /[^\S\n]*(?:export[^\S\n]+)?([A-Za-z_][\w.-]*)[^\S\n]*=[^\S\n]*/y
const QUOTED = /(?:"([^"]*)"|'([^']*)'|`([^`]*)`)[^\S\n]*(?:#[^\n]*)?(?:\n|$)/y
const BARE = /(?!["'`])([^\n]*)(?:\n|$)/y

/**
 * Reads the text of a settings file: `NAME=value` lines, with `export` or without, comments, values in quotes, over several lines
 * if need be. `\n` in double quotes is a line end. A `#` begins a comment only at the beginning of a value or behind white space,
 * as in a shell, so that no secret loses its end. Of several values for a name the last one counts.
 *
 * Node's `parseEnv` reads the same, but passes over what it does not understand. A gateway that was meant to be closed could
 * start open then: here such a line is a {@link StartError} which names `path` and the line, and shows nothing of it.
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
