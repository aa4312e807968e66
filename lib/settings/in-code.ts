import { StartError } from '../start-error.ts'
import { nearest } from './misspelt.ts'

/**
 * Converts settings that an application gives in code into the strings that the environment would hold. An undefined setting counts
 * as absent. Throws a {@link StartError} for a name that is not in `known`; its message suggests the nearest known name.
 */
export function settingsInCode (settings: Readonly<Record<string, string | number | undefined>>, known: readonly string[]): Record<string, string> {
  const given = Object.entries(settings).filter((entry): entry is [string, string | number] => entry[1] !== undefined)
  const unknown = given.find(([name]) => !known.includes(name))?.[0]
  if (unknown !== undefined) {
    const meant = nearest(unknown, known)
    throw new StartError(`${unknown} is no setting${meant === undefined ? '' : `: ${meant} is meant, perhaps`}`)
  }
  return Object.fromEntries(given.map(([name, value]) => [name, String(value)]))
}
