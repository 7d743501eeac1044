import { rm } from 'node:fs/promises'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import type { Difference } from '@lifeboat/postgres/fingerprint/compare.ts'
import { serverAccount } from '@lifeboat/postgres/scratch/owner.ts'
import { quoteIdent } from '@lifeboat/postgres/sql-text.ts'
import { findPostgresTools, type PostgresTools } from '@lifeboat/postgres/tools/find-tools.ts'
import type { Manifest, OfServer } from '@lifeboat/shared/domain/manifest.ts'
import type { Compared } from '../dump/compare-restored.ts'
import { fitGlobals, superuserMayLogIn } from '../dump/fit-globals.ts'
import { type LoadingPlace, loadDatabase, restorerMajor, runSql } from '../dump/load-dump.ts'
import { type Opened, openDump } from '../dump/open-dump.ts'
import { planRestore } from '../dump/plan-restore.ts'
import type { Reader } from '../fetch/reader.ts'
import type { Swapped } from '../swap/swap-databases.ts'
import { freeBytesAt } from './bare-plan.ts'
import { APPLICATION, ask, checkRestored } from './check-restored.ts'
import { claimPlace } from './claim-place.ts'
import { bootFresh } from './fresh-server.ts'
import type { DumpPlace } from './plan-dump.ts'
import { recoverIntoServer } from './recover-into-server.ts'
import { settleCluster, startSettled } from './settle-cluster.ts'
import { openSocketFolder } from './socket-folder.ts'

export interface DumpBack {
  database: string
  /** Of the new server; undefined in a server that was there. */
  dataDir: string | undefined
  running: boolean
  /** undefined when the backup has no fingerprint to compare with. */
  compared: Compared | undefined
  /** Roles made in a server that was there. */
  rolesCreated: string[]
  /** What was put aside in a server that was there. */
  swapped?: Swapped | undefined
}

/** Always there, and never the database to be restored. */
const MAINTENANCE = 'template1'

/**
 * Restores a dump, roles first, the first error fatal, and compares it with the fingerprint taken in the dump's own snapshot. A database bears its
 * name only when it was found to be the same; on any failure and on abort nothing is left.
 *
 * @throws LifeboatError RECOVERY_UNLIKE | RECOVERY_PLACE_TAKEN | DRILL_RESTORE_FAILED | ARTIFACT_… | SOURCE_… | TARGET_… | TOOL_…
 */
export async function recoverDump(
  reader: Reader,
  manifest: Manifest & OfServer,
  place: DumpPlace,
  onPhase: (phase: string) => void,
): Promise<DumpBack> {
  onPhase('open')
  const opened = (await openDump(reader, manifest)) ?? { fingerprint: undefined, globals: undefined }
  if ('folder' in place) return intoFolder(reader, manifest, opened, place, onPhase)
  const back = await recoverIntoServer(reader, manifest, opened, place, onPhase)
  return { database: place.database, dataDir: undefined, running: true, ...back }
}

type MaybeOpened = Opened | { fingerprint: undefined; globals: undefined }

async function intoFolder(
  reader: Reader,
  manifest: Manifest & OfServer,
  { fingerprint, globals }: MaybeOpened,
  place: Extract<DumpPlace, { folder: string }>,
  onPhase: (phase: string) => void,
): Promise<DumpBack> {
  const account = serverAccount()
  const tools = await findPostgresTools(manifest.server.major, ['postgres', 'initdb', 'pg_ctl', 'psql'], reader)
  await using claimed = await claimPlace(place.folder, account)
  const [folder, dataDir] = [await claimed.makeFolder('recovery'), join(claimed.folder, 'data')]
  const superuser = fingerprint?.bootstrapRole ?? 'postgres'
  await using socket = await openSocketFolder(account)
  onPhase('boot')
  const booting = { dataDir, folder, socketDir: socket.path, superuser, account, tools, signal: reader.run.signal }
  await using server = await bootFresh(booting)
  const at: LoadingPlace = { connection: server.connection(MAINTENANCE), applicationName: APPLICATION }
  if (manifest.database === 'postgres') await ask(at.connection, 'drop database postgres')
  onPhase('restore')
  if (globals !== undefined) {
    const sql = await fitGlobals(globals, { superuser, folderOf: (no) => claimed.makeFolder(`tablespace-${no}`) })
    await runSql(sql, await tools.program('psql'), at, reader.run)
  }
  await loadDatabase(reader, manifest, at, await loadOptions(reader, manifest, tools))
  const forgive = forgiveSuperuser(superuser, globals)
  const compared = await checkRestored(reader, server.connection(manifest.database), fingerprint, forgive, onPhase)
  onPhase('analyze')
  await ask(server.connection(manifest.database), 'analyze')
  await server.stop()
  await rm(folder, { recursive: true, force: true })
  await settleCluster(dataDir, account, place.port)
  claimed.keep()
  if (place.start) await startSettled(dataDir, account, tools)
  return { database: manifest.database, dataDir, running: place.start, compared, rolesCreated: [] }
}

/** A superuser that could not log in on the source may do so here, or nobody could. */
function forgiveSuperuser(superuser: string, globals: string | undefined) {
  const tolerated = 'It is the superuser of the new server and has to log in.'
  const may = superuserMayLogIn(globals ?? '', superuser)
  return ({ area, object }: Difference) =>
    !may && area === 'roles' && [superuser, quoteIdent(superuser)].includes(object) ? tolerated : undefined
}

async function loadOptions(reader: Reader, manifest: Manifest & OfServer, tools: PostgresTools) {
  const { databaseBytes } = manifest.summary
  const freeBytes = await freeBytesAt(reader.workDir)
  const { jobs } = planRestore({ databaseBytes, freeBytes, cores: availableParallelism() })
  const major = restorerMajor(manifest, tools.major)
  const restoring = major === tools.major ? tools : await findPostgresTools(major, ['pg_restore'], reader)
  return { program: await restoring.program('pg_restore'), jobs }
}
