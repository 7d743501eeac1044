import { loadStatement } from '@lifeboat/postgres/table-export/copy.ts'
import type { ExportedTable, TableExport } from '@lifeboat/shared/domain/table-export.ts'
import type { ServerRecoverFacts } from '../recover-doc.ts'
import { authenticity } from './authenticity.ts'
import { fetching } from './fetching.ts'
import { plainOf, shellQuoted } from './shell.ts'

/** Tables out of CSV files, one transaction each; the definition before them. */
export function recoverTables(facts: ServerRecoverFacts, of: TableExport): string {
  const artifact = (role: string) => facts.artifacts.find((each) => each.role === role)
  const settings = Object.entries(of.csv.settings).map(([name, value]) => `-c ${name}=${value.replaceAll(' ', '\\ ')}`)
  return `# Recovering tables of ${facts.database} as of ${facts.snapshotAt}

Backup \`${facts.backupId}\` of source \`${facts.sourceId}\`: ${of.tables.length} table${of.tables.length === 1 ? '' : 's'} of PostgreSQL ${facts.server.version} as CSV, all of one snapshot
(WAL position ${of.snapshot.lsn}). Lifeboat is not needed to bring them back. You need

- every file of this folder, in one local folder,
- \`age\`, \`zstd\` and \`psql\`, and a PostgreSQL server,
- the age identity (secret key) of one of: ${facts.recipients.map((each) => `\`${each}\``).join(', ')}.

${fetching(facts)}

## Bring it back

Run the blocks in that folder with \`sh\`, in this order. First say where the identity is and which database to load into:

\`\`\`text
export IDENTITY=/path/to/age-identity.txt
export PGHOST=… PGPORT=… PGUSER=postgres PGDATABASE=…
\`\`\`

${authenticity(facts)}

## 2. The definition, where the tables do not exist

Schemas, types and plain tables, as they were; defaults, keys, computed columns and sequences follow in it as comments, for you to take over once the rows are
there. Leave this block out where the tables exist: it refuses to touch them.

\`\`\`sh
${plainOf(artifact('definition'))} | psql -X -q -v ON_ERROR_STOP=1
\`\`\`

## 3. The rows

In the CSV files an unquoted empty value is NULL and a quoted one is the empty string. Each block adds to what the table holds: empty it first, in the same
transaction, if the rows are to take its place. Dates, times and money are written the way these settings read them:

${of.tables.map((table) => tableBlock(table, of, settings.join(' '), facts)).join('\n\n')}

## 4. Compare

So many rows there were, and so they were called:

\`\`\`sh
${plainOf(artifact('table-export'))}
\`\`\`
`
}

function tableBlock(table: ExportedTable, of: TableExport, settings: string, facts: ServerRecoverFacts): string {
  const copy = `\\${loadStatement(table, of.encoding)}`
  const file = facts.artifacts.find(({ name }) => name === table.artifact)
  const env = `PGOPTIONS=${shellQuoted(settings)}`
  return `\`${table.title}\`, ${table.rows} row${table.rows === 1 ? '' : 's'}:

\`\`\`sh
${plainOf(file)} | ${env} psql -X -q -v ON_ERROR_STOP=1 -c ${shellQuoted(copy)}
\`\`\``
}
