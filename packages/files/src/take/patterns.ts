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
