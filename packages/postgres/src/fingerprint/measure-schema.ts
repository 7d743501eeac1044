import { createHash } from 'node:crypto'
import type { SchemaClass } from '@lifeboat/shared/domain/fingerprint.ts'
import type pg from 'pg'
import { normalizeRendered } from './normalize.ts'
import { DATABASE_QUERIES, ROLE_QUERIES } from './schema/database.ts'
import { MACHINERY_QUERIES } from './schema/machinery.ts'
import { PROGRAM_QUERIES } from './schema/programs.ts'
import { RELATION_QUERIES } from './schema/relations.ts'
import type { SchemaQuery } from './schema/schema-query.ts'

const QUERIES = [...DATABASE_QUERIES, ...RELATION_QUERIES, ...PROGRAM_QUERIES, ...MACHINERY_QUERIES, ...ROLE_QUERIES]

/** A class with more objects than this is told by its hash alone, which keeps a fingerprint below a few megabytes. */
const LISTED_OBJECTS = 20_000

/**
 * One hash per object and one per class, from what PostgreSQL itself prints about its catalogs. Free of OIDs and of the order of creation.
 *
 * @param rolePasswords whether globals carry password hashes, so that they belong to what must come back
 */
export async function measureSchema(
  client: pg.ClientBase,
  rolePasswords: boolean,
  signal: AbortSignal,
): Promise<Record<string, SchemaClass>> {
  const { rows } = await client.query<{ superuser: boolean }>(
    'select rolsuper as superuser from pg_roles where rolname = current_user',
  )
  const superuser = rows[0]?.superuser === true
  const schema: Record<string, SchemaClass> = {}
  for (const query of QUERIES) {
    signal.throwIfAborted()
    if (query.superuser && !superuser) continue
    if (query.class === 'role passwords' && !rolePasswords) continue
    schema[query.class] = await measureClass(client, query)
  }
  return schema
}

async function measureClass(client: pg.ClientBase, query: SchemaQuery): Promise<SchemaClass> {
  const { rows } = await client.query<{ identity: string; definition: string | null }>(query.sql)
  const objects: Record<string, string> = {}
  for (const { identity, definition } of rows.sort((a, b) => (a.identity < b.identity ? -1 : 1))) {
    const text = String(definition ?? '')
    objects[identity] = sha256(query.rendered ? normalizeRendered(text) : text).slice(0, 16)
  }
  const hash = sha256(
    Object.entries(objects)
      .map(([identity, short]) => `${identity}\n${short}\n`)
      .join(''),
  )
  return { count: rows.length, hash, ...(rows.length <= LISTED_OBJECTS && { objects }) }
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}
