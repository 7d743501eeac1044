import { randomBytes } from 'node:crypto'
import { type FhirSummary, generateFhir } from '../fhir/generate-fhir.ts'
import { type PostgresOptions, startPostgres, type TestPostgres } from '../postgres.ts'
import type { WorldKeys } from './keys.ts'

export const DATABASE = 'records_fhir_platform'
const OWNER = 'records'
/** May read everything, copy the cluster and write its own heartbeat: all a backup needs. */
const BACKUP_ROLE = 'lifeboat_backup'

export interface WorldSource extends AsyncDisposable {
  postgres: TestPostgres
  database: string
  user: string
  /** Reference to its password. */
  password: string
  data: FhirSummary
}

/** Boots PostgreSQL with the platform's database, its owner and a least-privilege role for the backups. */
export async function openSource(
  keys: WorldKeys,
  opts: Pick<PostgresOptions, 'major' | 'settings'> & {
    sizeMb: number
    onProgress?: (rows: { done: number; total: number }) => void
  },
): Promise<WorldSource> {
  const ownerPassword = randomBytes(12).toString('hex')
  const backupPassword = randomBytes(12).toString('hex')
  const postgres = await startPostgres({
    ...(opts.major === undefined ? {} : { major: opts.major }),
    ...(opts.settings && { settings: opts.settings }),
    roles: {
      [OWNER]: `LOGIN PASSWORD '${ownerPassword}'`,
      [BACKUP_ROLE]: `LOGIN REPLICATION PASSWORD '${backupPassword}' BYPASSRLS IN ROLE pg_read_all_data`,
    },
  })
  try {
    await postgres.query('postgres', `CREATE DATABASE ${DATABASE} OWNER ${OWNER}`)
    await postgres.query(DATABASE, `ALTER DATABASE ${DATABASE} SET statement_timeout = '5min'`)
    await postgres.query(DATABASE, `CREATE SCHEMA lifeboat AUTHORIZATION ${BACKUP_ROLE}`)
    const { host, port } = postgres
    const connection = { host, port, database: DATABASE, user: OWNER, password: ownerPassword }
    const { sizeMb, onProgress } = opts
    const data = await generateFhir({ connection, sizeMb, ...(onProgress && { onProgress }) })
    const password = await keys.secret('source-password', backupPassword)
    const dispose = () => postgres[Symbol.asyncDispose]()
    return { postgres, database: DATABASE, user: BACKUP_ROLE, password, data, [Symbol.asyncDispose]: dispose }
  } catch (thrown) {
    await postgres[Symbol.asyncDispose]()
    throw thrown
  }
}
