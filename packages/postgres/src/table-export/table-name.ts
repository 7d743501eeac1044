import { z } from 'zod'

/** A table as a policy names it; `name` undefined means every table of the schema. */
export interface WantedTable {
  schema: string
  name: string | undefined
}

const IDENTIFIER = String.raw`(?:[\p{L}_][\p{L}\p{N}_$]*|"(?:[^"]|"")+")`
const NAME = new RegExp(`^(?:(${IDENTIFIER})\\.)?(${IDENTIFIER}|\\*)$`, 'u')

/** `validation_results`, `clinic.ward`, `clinic."Odd name"`, `clinic.*` */
export const TableName = z.string().refine((text) => parseTableName(text) !== undefined, {
  error: 'a table as SQL names it: results, clinic.ward, clinic."Odd name", or clinic.* for all of a schema',
})

/** Read as PostgreSQL reads it: without quotes in lower case, without a schema in `public`. */
export function parseTableName(text: string): WantedTable | undefined {
  const [, schema, name] = NAME.exec(text) ?? []
  if (name === undefined || (name === '*' && schema === undefined)) return undefined
  return { schema: schema === undefined ? 'public' : plain(schema), name: name === '*' ? undefined : plain(name) }
}

function plain(identifier: string): string {
  if (identifier.startsWith('"')) return identifier.slice(1, -1).replaceAll('""', '"')
  return identifier.replaceAll(/[A-Z]/g, (letter) => letter.toLowerCase())
}
