import { quoteIdent, quoteLiteral } from '@lifeboat/postgres/sql-text.ts'

const NAME = '(?:"(?:[^"]|"")+"|[^\\s"]+)'
const CREATE_TABLESPACE = new RegExp(`^(CREATE TABLESPACE ${NAME} OWNER ${NAME} LOCATION )E?'(?:[^']|'')*';$`, 'gm')

/**
 * Makes globals fit a new server: its superuser is there already and has to log in, and its tablespaces lie elsewhere. Everything else stays as
 * pg_dumpall wrote it.
 *
 * @param folderOf gives an empty folder for the tablespace of this number
 */
export async function fitGlobals(
  sql: string,
  { superuser, folderOf }: { superuser: string; folderOf: (no: number) => Promise<string> },
): Promise<string> {
  const folders: string[] = []
  for (let no = 0; no < (sql.match(CREATE_TABLESPACE)?.length ?? 0); no++) folders.push(await folderOf(no))
  return withSuperuser(sql, superuser).replace(
    CREATE_TABLESPACE,
    (_, create: string) => `${create}${quoteLiteral(folders.shift() ?? '')};`,
  )
}

/** Whether the superuser could log in on the source; fitted globals let it. */
export function superuserMayLogIn(sql: string, superuser: string): boolean {
  return !sql.split('\n').some((line) => NOLOGIN.test(line) && isAbout(line, 'ALTER', superuser, ' WITH '))
}

/** The attributes of one role; names are quoted where they hold a space, so the word stands alone. */
const NOLOGIN = /(?<= WITH (?:\w+ )*)NOLOGIN(?= )/

function withSuperuser(sql: string, superuser: string): string {
  const lines = sql.split('\n')
  const at = lines.findIndex((line) => isAbout(line, 'CREATE', superuser, ';'))
  const others = at === -1 ? lines : lines.toSpliced(at, 1)
  return others
    .map((line) => (isAbout(line, 'ALTER', superuser, ' WITH ') ? line.replace(NOLOGIN, 'LOGIN') : line))
    .join('\n')
}

/** pg_dumpall quotes a name only where it must. */
function isAbout(line: string, verb: 'CREATE' | 'ALTER', role: string, rest: string): boolean {
  return [role, quoteIdent(role)].some((name) => line.startsWith(`${verb} ROLE ${name}${rest}`))
}
