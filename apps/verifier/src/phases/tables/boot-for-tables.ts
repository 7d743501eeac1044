import { connectSource, type SourceClient } from '@lifeboat/postgres/connection.ts'
import { openScratch, type ScratchServer } from '@lifeboat/postgres/scratch/scratch-server.ts'
import { quoteIdent, quoteLiteral } from '@lifeboat/postgres/sql-text.ts'
import { creationOf } from '@lifeboat/postgres/table-export/definition.ts'
import type { Manifest, OfServer } from '@lifeboat/shared/domain/manifest.ts'
import type { TableExport } from '@lifeboat/shared/domain/table-export.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import type { Drill } from '../../drill.ts'
import { DrillEnded } from '../../findings.ts'
import { MAINTENANCE_DATABASE } from '../boot.ts'

/** Tables loaded from CSV are as large as on the source, their indexes left out; the WAL beside them is not. */
const ROOM_FACTOR = 2
const SUPERUSER = 'postgres'

/**
 * A scratch server with a database like the one the rows came from, and the empty tables in it. Whatever cannot be made here, a missing extension or a
 * check that calls a function of the user's, keeps the drill from asking; it says nothing about the copy.
 */
export async function bootForTables(
  drill: Drill,
  manifest: Manifest & OfServer,
  described: TableExport,
): Promise<ScratchServer> {
  try {
    const server = await boot(drill, manifest)
    try {
      await prepare(server, manifest, described)
      return server
    } catch (thrown) {
      await server[Symbol.asyncDispose]()
      throw thrown
    }
  } catch (thrown) {
    drill.run.signal.throwIfAborted()
    drill.findings.unable({ check: 'restore', subject: 'scratch tables' }, LifeboatError.from(thrown))
    throw new DrillEnded()
  }
}

async function boot(drill: Drill, { server, summary }: Manifest & OfServer): Promise<ScratchServer> {
  const scratch = await openScratch({
    root: drill.deps.scratchPath,
    name: drill.id,
    major: server.major,
    superuser: SUPERUSER,
    needBytes: Math.round(summary.databaseBytes * ROOM_FACTOR),
    toolPaths: drill.deps.toolPaths,
    signal: drill.run.signal,
  })
  drill.tools.postgres = scratch.version
  return scratch
}

async function prepare(
  scratch: ScratchServer,
  { server, database }: Manifest & OfServer,
  described: TableExport,
): Promise<void> {
  const locale = `encoding ${quoteLiteral(server.encoding)} lc_collate ${quoteLiteral(server.collate)} lc_ctype ${quoteLiteral(server.ctype)}`
  await using maintenance = await connectTo(scratch, MAINTENANCE_DATABASE)
  // initdb made it; here it is a database like any other.
  if (database === 'postgres') await maintenance.query('drop database postgres')
  await make(
    maintenance,
    `a database with locale ${server.collate}`,
    `create database ${quoteIdent(database)} template template0 ${locale}`,
  )
  await using client = await connectTo(scratch, database)
  for (const { what, sql } of creationOf(described)) await make(client, what, sql)
}

async function make(client: SourceClient, what: string, sql: string): Promise<void> {
  await client.query(sql).catch((cause: Error) => {
    throw new LifeboatError(
      'DRILL_SCRATCH_UNAVAILABLE',
      { problem: `${what} cannot be made here`, message: cause.message },
      { cause },
    )
  })
}

export function connectTo(scratch: ScratchServer, database: string): Promise<SourceClient> {
  return connectSource(scratch.connection(database), { applicationName: 'lifeboat drill', lockTimeoutMs: 60_000 })
}
