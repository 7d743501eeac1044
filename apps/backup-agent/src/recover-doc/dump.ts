import type { ServerRecoverFacts } from '../recover-doc.ts'
import { authenticity } from './authenticity.ts'
import { fetching } from './fetching.ts'
import { plainOf, shellQuoted } from './shell.ts'

/** One database out of pg_dump's archive, its roles before it. */
export function recoverDump(facts: ServerRecoverFacts): string {
  const { major } = facts.server
  const pgDumpMajor = Number(/\(PostgreSQL\) (\d+)/.exec(facts.tools.pg_dump ?? '')?.[1] ?? major)
  const artifact = (role: string) => facts.artifacts.find((each) => each.role === role)
  return `# Recovering ${facts.database} as of ${facts.snapshotAt}

Backup \`${facts.backupId}\` of source \`${facts.sourceId}\`: one database of PostgreSQL ${facts.server.version}, dumped by
\`${facts.tools.pg_dump ?? 'pg_dump'}\`. Lifeboat is not needed to bring it back. You need

- every file of this folder, in one local folder,
- \`age\`, \`zstd\`, and PostgreSQL ${major} or newer with the client programs of version ${pgDumpMajor} or newer,
- the age identity (secret key) of one of: ${facts.recipients.map((each) => `\`${each}\``).join(', ')}.

${fetching(facts)}

## Bring it back

Run the blocks in that folder with \`sh\`, in this order. First say where the identity is and which server to restore into:

\`\`\`text
export IDENTITY=/path/to/age-identity.txt
export PGHOST=… PGPORT=… PGUSER=postgres
\`\`\`

${authenticity(facts)}

## 2. Roles, before the database

Roles that exist already give an error each, which is harmless; a new server has only its own superuser. Roles that were dumped without
passwords need new ones.

\`\`\`sh
${plainOf(artifact('globals'))} | psql -X -d postgres
\`\`\`

## 3. The database

\`--exit-on-error\` matters: without it \`pg_restore\` goes on after errors.

\`\`\`sh
${plainOf(artifact('database'))} | pg_restore --exit-on-error --create --dbname=postgres
\`\`\`

\`--create\` makes the database \`${facts.database}\` with its settings and refuses to touch one that exists. To restore beside an existing one:
\`createdb -T template0 another_name\`, and \`pg_restore --exit-on-error --dbname=another_name\` instead. Afterwards let PostgreSQL gather statistics:

\`\`\`sh
vacuumdb --analyze-only --dbname=${shellQuoted(facts.database)}
\`\`\`

## 4. Compare

The fingerprint tells how many rows each table had in the very snapshot of this dump:

\`\`\`sh
${plainOf(artifact('fingerprint'))}
\`\`\`
`
}
