import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { TestPostgres } from '../postgres.ts'

const FOLDER = import.meta.dirname

export interface HardDatabaseOptions {
  /** Adds one value of 300 MB, which takes a minute: for the slow lane. */
  toast: boolean
  /** Default `hard`. */
  database?: string
}

/**
 * Fills a fresh server with the database that every dump and restore must bring back equal; see the SQL files for what is in it.
 *
 * Needs the contrib extensions, which Debian's server package brings. Makes roles and a tablespace, so once per server.
 *
 * @returns the name of the database
 */
export async function installHardDatabase(pg: TestPostgres, opts: HardDatabaseOptions): Promise<string> {
  const database = opts.database ?? 'hard'
  const name = `"${database.replaceAll('"', '""')}"`
  const space = join(pg.socketDir, `space-of-${database.replaceAll(/\W/g, '-')}`)
  await pg.query('postgres', read('00-roles.sql'))
  // The server makes the folder itself, since it may run as another user than we do.
  await pg.query('postgres', `copy (select) to program 'cat >/dev/null && mkdir "${space}"'`)
  await pg.query(
    'postgres',
    `create tablespace hard_space owner clinic_owner location '${space}' with (seq_page_cost = 2)`,
  )
  await pg.query('postgres', `comment on tablespace hard_space is 'the other disk'`)
  await pg.query('postgres', `grant create on tablespace hard_space to clinic_writer`)
  await pg.query('postgres', `create database ${name} owner clinic_owner template template0 connection limit 50`)
  for (const file of filesFor(pg.major)) await pg.query(database, read(file))
  for (const statement of settings(name)) await pg.query(database, statement)
  if (opts.toast) await pg.query(database, read('toast.sql'))
  return database
}

function settings(database: string): string[] {
  return [
    `alter database ${database} set statement_timeout = '10min'`,
    `alter database ${database} set "clinic.motto" = 'prä''zise'`,
    `alter database ${database} set search_path = clinic, extensions, public`,
    `alter role "Ärztin O'Neill" in database ${database} set work_mem = '17MB'`,
    `comment on database ${database} is 'the hard one, it''s odd'`,
    `grant temporary, connect on database ${database} to clinic_reader`,
    `revoke temporary on database ${database} from public`,
  ]
}

/** In the order of their numbers; a number above 14 is the first major version that understands the file. */
function filesFor(major: number): string[] {
  const numbered = readdirSync(FOLDER).filter((file) => /^\d\d-.*\.sql$/.test(file) && file !== '00-roles.sql')
  return numbered.sort().filter((file) => Number(file.slice(0, 2)) <= Math.max(major, 14))
}

function read(file: string): string {
  return readFileSync(join(FOLDER, file), 'utf8')
}
