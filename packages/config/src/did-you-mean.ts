/** @returns the known name nearest to `word`, if it is near enough to be a slip of the keyboard */
export function nearest(word: string, known: readonly string[]): string | undefined {
  const allowed = word.length < 3 ? 0 : Math.floor(word.length / 3)
  const ranked = known
    .map((name) => ({ name, distance: distance(word.toLowerCase(), name.toLowerCase()) }))
    .sort((a, b) => a.distance - b.distance)
  const best = ranked[0]
  return best && best.distance <= allowed ? best.name : undefined
}

/** A hint for a name nobody knows: the nearest one, else the whole list. */
export function suggestName(word: string, known: readonly string[]): string {
  const near = nearest(word, known)
  if (near) return `Did you mean ${near}?`
  return known.length === 0 ? 'None is defined yet.' : `Known: ${[...known].sort().join(', ')}.`
}

/** What to say of a name that points at nothing. @param what is called so: `policy`, `target` */
export function unknownName(what: string, name: string, known: readonly string[]): { message: string; hint: string } {
  return { message: `no ${what} is called ${name}`, hint: suggestName(name, known) }
}

/** Edits (insert, remove, replace, swap of neighbours) from one word to the other. */
function distance(a: string, b: string): number {
  const rows: number[][] = Array.from({ length: a.length + 1 }, (_, i) => [i])
  const at = (i: number, j: number) => rows[i]?.[j] ?? 0
  for (let j = 1; j <= b.length; j++) (rows[0] as number[])[j] = j
  for (let i = 1; i <= a.length; i++) {
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1] ? 0 : 1
      let least = Math.min(at(i - 1, j) + 1, at(i, j - 1) + 1, at(i - 1, j - 1) + same)
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]
      if (swapped) least = Math.min(least, at(i - 2, j - 2) + 1)
      ;(rows[i] as number[])[j] = least
    }
  }
  return at(a.length, b.length)
}
