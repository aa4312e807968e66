/** Variables that most processes have; their names are close to a setting only by chance. */
const USUAL = ['HOME', 'PATH', 'PWD', 'OLDPWD', 'USER', 'TERM', 'LANG', 'SHELL', 'HOSTNAME', 'HOSTTYPE', 'LOGNAME', 'MAIL', 'TEMP', 'TMP', 'TZ', 'PS1', 'SHLVL', 'EDITOR', 'DISPLAY', 'COLORTERM', 'NODE_OPTIONS', 'NODE_PATH', 'NODE']

/**
 * Finds variables that look like a misspelt setting: at most two letters differ, regardless of case. In names as short as `PORT`
 * only one letter may differ, because the environment has many short names. `names` are the variables that are set, `known` the
 * names of settings. Returns each variable with the setting that was probably meant.
 */
export function misspeltSettings (names: readonly string[], known: readonly string[]): Array<[name: string, meant: string]> {
  const others = names.filter(name => !known.includes(name) && !USUAL.includes(name))
  return others.flatMap(name => {
    const meant = nearest(name.toUpperCase().replaceAll('-', '_'), known)
    return meant === undefined ? [] : [[name, meant] as [string, string]]
  })
}

/** The name in `known` that is nearest to `name`, with at most two letters of difference; undefined when there is no such name. */
export function nearest (name: string, known: readonly string[]): string | undefined {
  const near = known.map(meant => ({ meant, off: distance(name, meant) })).filter(({ meant, off }) => off <= (meant.length > 5 ? 2 : 1))
  return near.sort((a, b) => a.off - b.off)[0]?.meant
}

/** How many letters were added, left out, changed or swapped with their neighbour (optimal string alignment distance). Results from 3 on are not exact. */
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
