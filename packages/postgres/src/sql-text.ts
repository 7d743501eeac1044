/** Quotes a name for SQL: `"my ""odd"" table"`. Always quotes, so key words need no list. */
export function quoteIdent(name: string): string {
  return `"${name.replaceAll('"', '""')}"`
}

/** Quotes a value for SQL where a parameter cannot stand. Assumes standard_conforming_strings, or no backslash. */
export function quoteLiteral(value: string): string {
  const quoted = `'${value.replaceAll("'", "''")}'`
  return value.includes('\\') ? ` E${quoted.replaceAll('\\', '\\\\')}` : quoted
}
