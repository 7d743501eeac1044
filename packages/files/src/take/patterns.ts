import { writeFile } from 'node:fs/promises'

/**
 * Options that make tar leave out what an operator named: a pattern with a slash fits only there below root, one without fits any name; neither
 * `*` nor `?` goes beyond a slash.
 */
export function excludeOptions(patterns: readonly string[]): string[] {
  const anchored = patterns.filter(hasSlash).map((each) => `./${each.replace(/^(\.?\/)+/, '').replace(/\/+$/, '')}`)
  const anywhere = patterns.filter((each) => !hasSlash(each)).map((each) => each.replace(/\/+$/, ''))
  return [
    ...(patterns.length > 0 ? ['--wildcards', '--no-wildcards-match-slash'] : []),
    ...(anchored.length > 0 ? ['--anchored', ...anchored.map((each) => `--exclude=${each}`)] : []),
    ...(anywhere.length > 0 ? ['--no-anchored', ...anywhere.map((each) => `--exclude=${each}`)] : []),
  ]
}

/** `logs/` is a name anywhere, as in .gitignore. */
function hasSlash(pattern: string): boolean {
  return pattern.replace(/\/+$/, '').includes('/')
}

/** Options that leave out just these names; their patterns go into a file, for there may be many. */
export async function excludeExactly(names: readonly Buffer[], file: string): Promise<string[]> {
  if (names.length === 0) return []
  await writeFile(file, Buffer.concat(names.flatMap((name) => [exactPattern(name), Buffer.from('\n')])))
  return ['--wildcards', '--no-wildcards-match-slash', '--anchored', `--exclude-from=${file}`]
}

/** A pattern that fits one name only; each line of a file is one, and spaces at its end would be dropped. */
function exactPattern(name: Buffer): Buffer {
  const parts: Buffer[] = []
  for (const byte of name) parts.push(Buffer.from(escapedByte(byte)))
  return Buffer.concat(parts)
}

function escapedByte(byte: number): number[] {
  const char = String.fromCharCode(byte)
  if ('*?[]\\'.includes(char)) return [0x5c, byte]
  // A line break cannot stand in a line: a range around it can.
  if (byte === 0x0a) return [0x5b, 0x09, 0x2d, 0x0b, 0x5d]
  return /\s/.test(char) && byte < 0x80 ? [0x5b, byte, 0x5d] : [byte]
}

/** The same decision as tar makes, for our own walks. @returns whether a name (`./a/b`, bytes as latin1) is left out */
export function excluder(patterns: readonly string[]): (name: string) => boolean {
  const fits = patterns.map((each) => {
    const bare = Buffer.from(each.replace(/^(\.?\/)+/, '').replace(/\/+$/, '')).toString('latin1')
    const glob = bare
      .replace(/[.+^${}()|\\]/g, '\\$&')
      .replaceAll('*', '[^/]*')
      .replaceAll('?', '[^/]')
    return new RegExp(hasSlash(each) ? `^\\./${glob.replace(/\[!/g, '[^')}$` : `/${glob.replace(/\[!/g, '[^')}$`, 's')
  })
  return (name) => fits.some((each) => each.test(name))
}
