import { connectSource } from '@lifeboat/postgres/connection.ts'
import { openScratch, type ScratchServer } from '@lifeboat/postgres/scratch/scratch-server.ts'
import { quoteIdent, quoteLiteral } from '@lifeboat/postgres/sql-text.ts'
import type { Fingerprint } from '@lifeboat/shared/domain/fingerprint.ts'
import type { Manifest, OfServer } from '@lifeboat/shared/domain/manifest.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import type { Drill } from '../drill.ts'

/** Always there, and never the database to be restored. */
export const MAINTENANCE_DATABASE = 'template1'
/** A restored database without its bloat, its WAL and sorted runs of its indexes. */
const ROOM_FACTOR = 1.5

/**
 * Boots a scratch server fit for this backup and makes sure that nothing it lacks is later blamed on the copy: locales and extensions come from
 * the machine.
 *
 * @throws LifeboatError DRILL_SCRATCH_UNAVAILABLE
 */
export async function bootScratch(
  drill: Drill,
  manifest: Manifest & OfServer,
  fingerprint: Fingerprint,
): Promise<ScratchServer> {
  const scratch = await openScratch({
    root: drill.deps.scratchPath,
    name: drill.id,
    major: manifest.server.major,
    superuser: fingerprint.bootstrapRole,
    needBytes: Math.round(manifest.summary.databaseBytes * ROOM_FACTOR),
    toolPaths: drill.deps.toolPaths,
    signal: drill.run.signal,
  })
  try {
    drill.tools.postgres = scratch.version
    await prepare(scratch, manifest)
    return scratch
  } catch (thrown) {
    await scratch[Symbol.asyncDispose]()
    throw thrown
  }
}

async function prepare(scratch: ScratchServer, { server, database }: OfServer): Promise<void> {
  await using client = await connectSource(scratch.connection(MAINTENANCE_DATABASE), {
    applicationName: 'lifeboat drill',
    lockTimeoutMs: 60_000,
  })
  const { rows } = await client.query<{ name: string }>('select name from pg_available_extensions')
  const available = new Set(rows.map(({ name }) => name))
  const missing = Object.keys(server.extensions).filter((name) => !available.has(name))
  if (missing.length > 0)
    throw new LifeboatError('DRILL_SCRATCH_UNAVAILABLE', {
      problem: `no extension ${missing.join(', ')} on this machine`,
      missing,
    })
  const probe = quoteIdent('lifeboat locale probe')
  const locale = `encoding ${quoteLiteral(server.encoding)} lc_collate ${quoteLiteral(server.collate)} lc_ctype ${quoteLiteral(server.ctype)}`
  await client.query(`create database ${probe} template template0 ${locale}`).catch((cause: Error) => {
    throw new LifeboatError(
      'DRILL_SCRATCH_UNAVAILABLE',
      { problem: `no locale ${server.collate} on this machine`, message: cause.message },
      { cause },
    )
  })
  await client.query(`drop database ${probe}`)
  // initdb made it; the backup brings its own.
  if (database === 'postgres') await client.query('drop database postgres')
}
