import type { Artifact, PhysicalFacts } from '@lifeboat/shared/domain/manifest.ts'
import type { ServerRecoverFacts } from '../recover-doc.ts'
import { authenticity } from './authenticity.ts'
import { fetching } from './fetching.ts'
import { parentsChecked, parentsNeeded } from './parents.ts'
import { plainOf } from './shell.ts'
import { recoverToMoment } from './to-moment.ts'

/** A whole cluster: unpack, check, combine where it is a chain, start. */
export function recoverBase(facts: ServerRecoverFacts, physical: PhysicalFacts): string {
  const { major, version } = facts.server
  const chain = facts.recovery?.chain ?? []
  const kind = chain.length === 0 ? 'the whole cluster' : 'what changed in the cluster since an earlier backup'
  return `# Recovering the cluster of ${facts.sourceId} as of ${facts.snapshotAt}

Backup \`${facts.backupId}\` of source \`${facts.sourceId}\`: ${kind}, PostgreSQL ${version}, system identifier
${facts.server.systemIdentifier}, timeline ${physical.timeline}. Lifeboat is not needed to bring it back. You need

- every file of this folder, in one local folder named like the backup,${parentsNeeded(chain)}
- \`age\`, \`zstd\`, \`tar\`, and the server of PostgreSQL ${major}, no other major version,
- the age identity (secret key) of one of: ${facts.recipients.map((each) => `\`${each}\``).join(', ')}.
${damageNote(physical)}
${fetching(facts)}

## Bring it back

Run the blocks in that folder with \`sh\`, in this order, as the user the server will run as (\`postgres\`). First say where the identity is,
where the server's programs are, and where the cluster shall live: folders that do not exist yet, on disks with room for it.

\`\`\`text
export IDENTITY=/path/to/age-identity.txt PATH=/usr/lib/postgresql/${major}/bin:$PATH
export PGDATA=/path/to/new/data PGPORT=5433${physical.tablespaces.length > 0 ? ' TABLESPACES=/path/to/new/tablespaces' : ''}${chain.length > 0 ? ' WORK=/path/to/room/for/unpacking' : ''}
\`\`\`

${authenticity(facts)}
${parentsChecked(chain)}
${chain.length === 0 ? unpackOne(facts.artifacts, physical) : combine([...chain, facts.backupId], physical)}

## 3. Make it a server of its own

It must not come up as a standby, nor put its tablespaces back in their old places: \`pg_tblspc\` leads to the new ones.

\`\`\`sh
rm -f "$PGDATA/standby.signal" "$PGDATA/recovery.signal" "$PGDATA/tablespace_map"
\`\`\`
${configStep(facts)}
## 5. Start it

It recovers to the end of this backup (${physical.endLsn}) from the WAL inside. \`archive_mode=off\` keeps it from writing into the archive of the
original, the other setting from waiting for standbys it does not have.

\`\`\`sh
pg_ctl start --wait --timeout=86400 --pgdata="$PGDATA" --log="$PGDATA.log" -o "-p $PGPORT -k $PGDATA -c archive_mode=off -c synchronous_standby_names="
psql -X -h "$PGDATA" -d postgres -c 'select pg_is_in_recovery(), pg_current_wal_lsn()'
\`\`\`

${recoverToMoment(facts, physical)}`
}

function damageNote({ checksums }: PhysicalFacts): string {
  if (checksums.failures.length === 0) return ''
  return `
**The server found damaged pages** when this backup was taken (data checksums); they are in it as they were:
${checksums.failures.map((file) => `\`${file}\``).join(', ')}.
`
}

function unpackOne(artifacts: readonly Artifact[], { tablespaces }: PhysicalFacts): string {
  const artifact = (role: Artifact['role']) => artifacts.find((each) => each.role === role)
  const places = tablespaces.map(
    ({ oid, artifact: name }) => `mkdir -p "$TABLESPACES/${oid}"
chmod 700 "$TABLESPACES/${oid}"
${plainOf({ name })} | tar -xp -C "$TABLESPACES/${oid}"
ln -s "$TABLESPACES/${oid}" "$PGDATA/pg_tblspc/${oid}"
`,
  )
  return `## 2. Unpack and verify

\`\`\`sh
mkdir -p "$PGDATA"
chmod 700 "$PGDATA"
${plainOf(artifact('base'))} | tar -xp -C "$PGDATA"
${places.join('')}${plainOf(artifact('backup-manifest'))} > "$PGDATA/backup_manifest"
pg_verifybackup "$PGDATA"
\`\`\``
}

/** Names follow from the format, so that no page of another backup is needed. */
function combine(backups: readonly string[], { tablespaces }: PhysicalFacts): string {
  const newest = backups.at(-1)
  const mappings = tablespaces.map(
    ({ oid }) => `--tablespace-mapping="$WORK/${newest}.tablespaces/${oid}=$TABLESPACES/${oid}" `,
  )
  return `## 2. Unpack, verify and combine

\`\`\`sh
mkdir -p "$WORK"
for backup in ${backups.join(' ')}; do
  data="$WORK/$backup"
  mkdir "$data"
  chmod 700 "$data"
  cat "../$backup"/base.tar.zst.age.[0-9]* | age -d -i "$IDENTITY" | zstd -d | tar -xp -C "$data"
  for first in "../$backup"/tablespace-*.tar.zst.age.00000; do
    [ -e "$first" ] || continue
    oid=$(basename "$first" .tar.zst.age.00000 | tr -cd '0-9')
    mkdir -p "$WORK/$backup.tablespaces/$oid"
    chmod 700 "$WORK/$backup.tablespaces/$oid"
    cat "\${first%.00000}".[0-9]* | age -d -i "$IDENTITY" | zstd -d | tar -xp -C "$WORK/$backup.tablespaces/$oid"
    ln -s "$WORK/$backup.tablespaces/$oid" "$data/pg_tblspc/$oid"
  done
  cat "../$backup"/backup_manifest.zst.age.[0-9]* | age -d -i "$IDENTITY" | zstd -d > "$data/backup_manifest"
  pg_verifybackup "$data"
done
pg_combinebackup --output="$PGDATA" ${mappings.join('')}${backups.map((id) => `"$WORK/${id}"`).join(' ')}
pg_verifybackup "$PGDATA"
\`\`\`

What lies in \`$WORK\` is not needed any more then.`
}

function configStep({ artifacts, recovery }: ServerRecoverFacts): string {
  const config = artifacts.find(({ role }) => role === 'config-files')
  const left = recovery?.configLeft ?? []
  const missing = left.length === 0 ? '' : `\nNot in this backup: ${left.join('; ')}.\n`
  const unpack =
    config === undefined
      ? ''
      : `
The configuration lay outside the data directory. This unpacks it beside the new one, to compare and copy from:

\`\`\`sh
mkdir -p "$PGDATA.config"
${plainOf(config)} | tar -x -C "$PGDATA.config"
\`\`\`
`
  return `
## 4. Configuration
${unpack}${missing}
A server wants a \`postgresql.conf\`, a \`pg_hba.conf\` and a \`pg_ident.conf\` in its data directory; where they did not come with the data, these will
do for a first look. Put your own in before others use it.

\`\`\`sh
[ -e "$PGDATA/postgresql.conf" ] || : > "$PGDATA/postgresql.conf"
[ -e "$PGDATA/pg_hba.conf" ] || echo 'local all all peer' > "$PGDATA/pg_hba.conf"
[ -e "$PGDATA/pg_ident.conf" ] || : > "$PGDATA/pg_ident.conf"
\`\`\`
`
}
