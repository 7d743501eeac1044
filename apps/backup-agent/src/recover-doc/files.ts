import type { FilesFacts } from '@lifeboat/shared/domain/manifest.ts'
import { formatBytes } from '@lifeboat/shared/time/duration.ts'
import type { RecoverFacts } from '../recover-doc.ts'
import { authenticity } from './authenticity.ts'
import { fetching } from './fetching.ts'
import { parentsChecked, parentsNeeded } from './parents.ts'
import { plainOf, shellQuoted } from './shell.ts'

/** A tree of files: unpack the full archive, then what changed since, in order. */
export function recoverFiles(facts: RecoverFacts, files: FilesFacts): string {
  const chain = facts.recovery?.chain ?? []
  const kind = chain.length === 0 ? 'all of it' : 'what changed in it since an earlier backup'
  return `# Recovering the files of ${facts.sourceId} as of ${facts.snapshotAt}

Backup \`${facts.backupId}\` of source \`${facts.sourceId}\`: the tree \`${files.root}\`, ${kind}; ${files.files} files of ${formatBytes(files.bytes)},
packed by \`${facts.tools.tar ?? 'tar'}\`. Lifeboat is not needed to bring it back. You need

- every file of this folder, in one local folder named like the backup,${parentsNeeded(chain)}
- \`age\`, \`zstd\` and GNU \`tar\`,
- the age identity (secret key) of one of: ${facts.recipients.map((each) => `\`${each}\``).join(', ')}.

${fetching(facts)}

## Bring it back

Run the blocks in that folder with \`sh\`, in this order, as root: only root can give files back to their owners. First say where the identity is
and where the files shall go: **a folder that does not exist yet**, for what is in it and not in the backup would be removed. Compare it with
what you have, then move it to its place.

\`\`\`text
export IDENTITY=/path/to/age-identity.txt
export INTO=/path/to/new/folder
\`\`\`

${authenticity(facts)}
${parentsChecked(chain)}
## 2. Unpack

\`--listed-incremental=/dev/null\` makes tar remove what a later archive says was gone.

\`\`\`sh
mkdir "$INTO"
${chain.length === 0 ? unpackHere(facts) : unpackChain([...chain, facts.backupId])}
\`\`\`

To look for one file first, or to bring back only that, name it: \`… | tar -tv\`, \`… | tar -x -C "$INTO" ./path/of/the/file\`.

## 3. Compare

The list of the members with their owners, modes and digests, in the order of the archive:

\`\`\`sh
${facts.artifacts
  .filter(({ role }) => role === 'members')
  .map(plainOf)
  .join('\n')}
\`\`\`
${missing(files)}`
}

const TAR = `tar -x -p --numeric-owner --xattrs --xattrs-include='*' --listed-incremental=/dev/null -C "$INTO"`

function unpackHere({ artifacts }: RecoverFacts): string {
  return artifacts
    .filter(({ role }) => role === 'files')
    .map((artifact) => `${plainOf(artifact)} | ${TAR}`)
    .join('\n')
}

/** Names follow from the format, so that no page of another backup is needed. */
function unpackChain(backups: readonly string[]): string {
  return `for backup in ${backups.join(' ')}; do
  for first in "../$backup"/files.tar.zst.age.00000 "../$backup"/files-*.tar.zst.age.00000; do
    [ -e "$first" ] || continue
    cat "\${first%.00000}".[0-9]* | age -d -i "$IDENTITY" | zstd -d | ${TAR}
  done
done`
}

const LEFT = ['vanished', 'unreadable', 'too-large', 'special'] as const

function missing({ notices, root }: FilesFacts): string {
  const told = LEFT.flatMap((notice) => {
    const { count, paths } = notices[notice] ?? { count: 0, paths: [] }
    if (count === 0) return []
    const more = count > paths.length ? ` and ${count - paths.length} more` : ''
    return [`- ${notice}: ${paths.map(shellQuoted).join(', ')}${more}`]
  })
  if (told.length === 0) return ''
  return `
Not in this backup, though it was in \`${root}\`:

${told.join('\n')}
`
}
