/** NATS wildcards: `*` is one token, `>` the rest. */
export function subjectMatches(pattern: string, subject: string): boolean {
  const tokens = subject.split('.')
  const wanted = pattern.split('.')
  for (const [at, want] of wanted.entries()) {
    if (want === '>') return tokens.length > at
    if (want !== '*' && want !== tokens[at]) return false
  }
  return wanted.length === tokens.length
}
