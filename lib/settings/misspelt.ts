/** Variables that a process usually has, and that are near to a setting by chance. */
const USUAL = ['HOME', 'PATH', 'PWD', 'OLDPWD', 'USER', 'TERM', 'LANG', 'SHELL', 'HOSTNAME', 'HOSTTYPE', 'LOGNAME', 'MAIL', 'TEMP', 'TMP', 'TZ', 'PS1', 'SHLVL', 'EDITOR', 'DISPLAY', 'COLORTERM', 'NODE_OPTIONS', 'NODE_PATH', 'NODE']

/**
 * Finds variables that look like a misspelt setting, one or two letters off whatever their case, and says which one. Of names as
 * short as `PORT` only one letter may be off, since the environment is full of short names. `names` are those that are set,
 * `known` those of settings.
 */
export function misspeltSettings (names: readonly string[], known: readonly string[]): Array<[name: string, meant: string]> {
  const others = names.filter(name => !known.includes(name) && !USUAL.includes(name))
  return others.flatMap(name => {
    const meant = nearest(name.toUpperCase().replaceAll('-', '_'), known)
    return meant === undefined ? [] : [[name, meant] as [string, string]]
  })
}

/** The one of `known` that `name` is nearest to, at most two letters off; undefined when none is. */
export function nearest (name: string, known: readonly string[]): string | undefined {
  const near = known.map(meant => ({ meant, off: distance(name, meant) })).filter(({ meant, off }) => off <= (meant.length > 5 ? 2 : 1))
  return near.sort((a, b) => a.off - b.off)[0]?.meant
}

/** How many letters were added, left out, changed or swapped with the next one (optimal string alignment); from 3 on it does not matter how many. */
function distance (a: string, b: string): number {
  if (Math.abs(a.length - b.length) > 2) return 3
  let before: number[] = []
  let last = Array.from({ length: b.length + 1 }, (_, j) => j)
  for (let i = 1; i <= a.length; i++) {
    const row = [i]
    for (let j = 1; j <= b.length; j++) {
      const isSame = a[i - 1] === b[j - 1]
      const isSwapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]
      row.push(Math.min(Number(last[j]) + 1, Number(row[j - 1]) + 1, Number(last[j - 1]) + (isSame ? 0 : 1), isSwapped ? Number(before[j - 2]) + 1 : Infinity))
    }
    before = last
    last = row
  }
  return Number(last[b.length])
}
