const NAME = '(?:"(?:[^"]|"")+"|[^\\s";]+)'
const ROLE_LINE = new RegExp(`^(?:CREATE|ALTER|COMMENT ON) ROLE (${NAME})[ ;]`)
const MEMBERSHIP = new RegExp(`^GRANT (${NAME}) TO (${NAME})[ ;]`)

/**
 * Of what pg_dumpall wrote only what concerns roles a server does not have: those it has may belong to somebody else and stay as they are.
 *
 * Tablespaces are left out: where one may lie is up to the server.
 *
 * @param have names of the roles there are
 */
export function missingRoles(globals: string, have: ReadonlySet<string>): { sql: string; created: string[] } {
  const lines = globals.split('\n')
  const created = lines
    .map((line) => (line.startsWith('CREATE ROLE ') ? unquoted(ROLE_LINE.exec(line)?.[1]) : undefined))
    .filter((role) => role !== undefined)
    .filter((role) => !have.has(role))
  const isNew = (name: string | undefined) => name !== undefined && created.includes(unquoted(name) ?? '')
  const kept = lines.filter((line) => {
    const [, granted, member] = MEMBERSHIP.exec(line) ?? []
    if (granted !== undefined) return isNew(granted) || isNew(member)
    return isNew(ROLE_LINE.exec(line)?.[1]) || line.startsWith('SET ')
  })
  return { sql: `${kept.join('\n')}\n`, created }
}

function unquoted(name: string | undefined): string | undefined {
  return name?.startsWith('"') ? name.slice(1, -1).replaceAll('""', '"') : name
}
