/**
 * Makes two renderings of the same expression equal.
 *
 * What PostgreSQL prints of a parsed expression does not always print the same again after it was read back: `x IN ('a','b')` on a varchar column
 * becomes `(ARRAY['a'::character varying, …])::text[]` first and `ARRAY[('a'::character varying)::text, …]` after one dump and restore. So casts
 * and parentheses around a single thing are taken out before hashing. A difference in nothing but a cast goes unseen; the type of every
 * column, argument and result is compared elsewhere.
 */
export function normalizeRendered(definition: string): string {
  return dropRedundantParens(dropCasts(tokenize(definition))).join(' ')
}

/** String constants, quoted names, dollar quotes, `::`, words and numbers; every other visible character alone. */
const TOKEN = /[eE]?'(?:[^'\\]|''|\\.)*'|"(?:[^"]|"")*"|\$(\w*)\$[\s\S]*?\$\1\$|::|[\p{L}\p{N}_.$]+|\S/gu

function tokenize(text: string): string[] {
  return text.match(TOKEN) ?? []
}

/** Words that may follow the first word of a type's name. */
const TYPE_TAIL = new Set(['varying', 'precision', 'without', 'with', 'time', 'zone'])

function dropCasts(tokens: readonly string[]): string[] {
  const kept: string[] = []
  for (let at = 0; at < tokens.length; at++) {
    if (tokens[at] === '::') at = endOfType(tokens, at + 1) - 1
    else kept.push(tokens[at] ?? '')
  }
  return kept
}

/** @returns the index after the type name that begins at `at`: name, tail words, `(10,2)`, `[]` */
function endOfType(tokens: readonly string[], at: number): number {
  let end = at + 1
  // A qualified name with a quoted part comes as several tokens: my."Type" or "My".type
  while (tokens[end - 1]?.endsWith('.') || tokens[end]?.startsWith('.') || tokens[end] === '.') end++
  for (let more = true; more; ) {
    more = false
    while (TYPE_TAIL.has(tokens[end] ?? '')) end++
    if (tokens[end] === '(' && /^\d+$/.test(tokens[end + 1] ?? '')) {
      end = tokens.indexOf(')', end) + 1
      more = true
    }
    while (tokens[end] === '[' && tokens[end + 1] === ']') end += 2
  }
  return end
}

/** Removes pairs that hold one token, one bracketed or one parenthesized thing, unless they are a call's or a list's. */
function dropRedundantParens(tokens: readonly string[]): string[] {
  const drop = new Set<number>()
  const partner = partners(tokens)
  for (const [open, close] of partner) {
    if (tokens[open] !== '(' || isCall(tokens, open)) continue
    const first = tokens[open + 1] === 'ARRAY' ? open + 2 : open + 1
    if (close - open === 2 || partner.get(first) === close - 1) drop.add(open).add(close)
  }
  return tokens.filter((_, index) => !drop.has(index))
}

function partners(tokens: readonly string[]): Map<number, number> {
  const found = new Map<number, number>()
  const open: number[] = []
  for (const [index, token] of tokens.entries()) {
    if (token === '(' || token === '[') open.push(index)
    if (token === ')' || token === ']') {
      const start = open.pop()
      if (start !== undefined) found.set(start, index)
    }
  }
  return found
}

/** Words that stand before a parenthesis without calling anything. */
const NOT_CALLED = new Set([
  'ANY',
  'ALL',
  'SOME',
  'CHECK',
  'AND',
  'OR',
  'NOT',
  'WHERE',
  'ON',
  'WHEN',
  'THEN',
  'ELSE',
  'CASE',
  'IS',
  'HAVING',
  'SELECT',
  'LIKE',
  'USING',
])

function isCall(tokens: readonly string[], open: number): boolean {
  const before = tokens[open - 1]
  return before !== undefined && /^["\p{L}_]/u.test(before) && !NOT_CALLED.has(before)
}
