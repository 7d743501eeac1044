import { quoteIdent, quoteLiteral } from '@lifeboat/postgres/sql-text.ts'

const NAME = '(?:"(?:[^"]|"")+"|[^\\s"]+)'
const CREATE_TABLESPACE = new RegExp(`^(CREATE TABLESPACE ${NAME} OWNER ${NAME} LOCATION )E?'(?:[^']|'')*';$`, 'gm')

/**
 * Makes globals fit a new server: its superuser is there already, and its tablespaces lie elsewhere. Everything else stays as pg_dumpall wrote it.
 *
 * @param folderOf gives an empty folder for the tablespace of this number
 */
export async function fitGlobals(
  sql: string,
  { superuser, folderOf }: { superuser: string; folderOf: (no: number) => Promise<string> },
): Promise<string> {
  const folders: string[] = []
  for (let no = 0; no < (sql.match(CREATE_TABLESPACE)?.length ?? 0); no++) folders.push(await folderOf(no))
  return withoutSuperuser(sql, superuser).replace(
    CREATE_TABLESPACE,
    (_, create: string) => `${create}${quoteLiteral(folders.shift() ?? '')};`,
  )
}

/** pg_dumpall quotes a name only where it must. */
function withoutSuperuser(sql: string, superuser: string): string {
  const lines = sql.split('\n')
  const at = lines.findIndex(
    (line) => line === `CREATE ROLE ${superuser};` || line === `CREATE ROLE ${quoteIdent(superuser)};`,
  )
  return at === -1 ? sql : lines.toSpliced(at, 1).join('\n')
}
