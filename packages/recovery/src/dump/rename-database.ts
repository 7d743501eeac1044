import { quoteIdent } from '@lifeboat/postgres/sql-text.ts'

const NAME = '(?:"(?:[^"]|"")+"|[^\\s"]+)'

/**
 * Makes what pg_restore --create would run for a database itself (creation, owner, settings, grants, comment) apply to one of another name.
 *
 * @param script of the entries that `databaseEntries` chose, written by pg_restore
 */
export function renameDatabase(script: string, from: string, to: string): string {
  const old = [from, quoteIdent(from)].map((name) => name.replaceAll(/[$()*+.?[\\\]^{|}]/g, String.raw`\$&`)).join('|')
  const statement = new RegExp(
    `^((?:(?:CREATE|ALTER|COMMENT ON|SECURITY LABEL .*ON) DATABASE|ALTER ROLE ${NAME} IN DATABASE|(?:GRANT|REVOKE) .*ON DATABASE) )(?:${old})(?=[ ;])`,
    'gm',
  )
  const named = script.replace(statement, (_, head: string) => `${head}${quoteIdent(to)}`)
  return named
    .split('\n')
    .filter((line) => !line.startsWith('\\connect '))
    .join('\n')
}

/** Of the table of contents (`pg_restore --list`) the entries about the database itself. */
export function databaseEntries(list: string): string {
  return list
    .split('\n')
    .filter((line) => /^\d+; \d+ \d+ (DATABASE|(ACL|COMMENT|SECURITY LABEL) - DATABASE) /.test(line))
    .join('\n')
}
