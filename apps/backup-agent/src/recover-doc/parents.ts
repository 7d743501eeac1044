/** What the list of things one needs says of the backups this one builds on. */
export function parentsNeeded(chain: readonly string[]): string {
  if (chain.length === 0) return ''
  return `
- beside it, likewise, the folders of the backups it builds on: ${chain.map((id) => `\`${id}\``).join(', ')},`
}

/** Each parent carries its own digests in its own page. */
export function parentsChecked(chain: readonly string[]): string {
  if (chain.length === 0) return ''
  return `
The same for the backups it builds on, whose pages hold their digests:

\`\`\`sh
for backup in ${chain.join(' ')}; do
  (cd "../$backup" && sed -n '/^sha256sum --check/,/^DIGESTS$/p' RECOVER.md | sh -e)
done
\`\`\`
`
}
