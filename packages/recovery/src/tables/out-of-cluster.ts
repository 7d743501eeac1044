import type { Account } from '@lifeboat/postgres/scratch/owner.ts'
import { Relations } from '@lifeboat/shared/domain/relations.ts'
import type { Extent, TableRef } from '@lifeboat/shared/domain/restore-tables.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import type { PlannedCluster } from '../bare/plan-cluster.ts'
import { recoverCluster } from '../bare/recover-cluster.ts'
import { artifactOf } from '../dump/open-dump.ts'
import type { Contents, PhysicalManifest } from '../extract/extract-backup.ts'
import type { Reader } from '../fetch/reader.ts'
import { unsealText } from '../fetch/unseal.ts'
import { type ChosenHollow, chooseHollow } from './choose-hollow.ts'
import { databaseOrigin } from './database-origin.ts'
import { orWhole } from './or-whole.ts'
import type { TableOrigin } from './origin.ts'

export interface OutOfCluster {
  /** Empty or not there yet; empty again in the end. */
  folder: string
  account: Account
  database: string
  wanted: readonly TableRef[]
  onPhase: (phase: string) => void
}

/**
 * Tables as of a moment: recovers the cluster into a folder, and lets them be read while it stands still at its goal. Then it is thrown away.
 *
 * Where the backup lists which files hold which tables, the files of others are left hollow at first. What cannot be read like that, or cannot even be
 * recovered, is extracted once more with all of its files, and nothing is read before that is known.
 *
 * @throws LifeboatError RESTORE_TABLE_ABSENT | RECOVERY_… | ARTIFACT_… | WAL_… | TARGET_… | TOOL_…; what `use` throws
 */
export async function outOfCluster<T>(
  reader: Reader,
  planned: PlannedCluster,
  how: OutOfCluster,
  use: (origin: TableOrigin, extent: Extent) => Promise<T>,
): Promise<T> {
  const choice = await choose(reader, planned, how)
  if ('whole' in choice)
    return readTables(reader, planned, how, (origin, of) => use(origin, extentOf(of, choice.whole)))
  const hollow = (begin: () => void) =>
    readTables(reader, planned, { ...how, chosen: choice }, (origin, of) => {
      begin()
      return use(origin, extentOf(of))
    })
  const whole = (because: string) =>
    readTables(reader, planned, how, (origin, of) => use(origin, extentOf(of, because)))
  return orWhole(hollow, whole, reader.run)
}

function extentOf({ bytes, hollowBytes }: Contents, whole?: string): Extent {
  return { bytes: bytes - hollowBytes, ofBytes: bytes, ...(whole !== undefined && { whole }) }
}

/** By the list of the newest backup of the chain: what counts is which file holds what in the end. */
async function choose(
  reader: Reader,
  { chain }: PlannedCluster,
  how: OutOfCluster,
): Promise<ChosenHollow | { whole: string }> {
  const manifest = chain.at(-1) as PhysicalManifest
  const artifact = artifactOf(manifest, 'relations')
  if (!artifact) return { whole: 'the backup has no list of relations' }
  try {
    const text = await unsealText(reader, manifest, artifact)
    const takenMs = Date.parse(manifest.sealedAt) - Date.parse(manifest.startedAt)
    return chooseHollow(Relations.parse(JSON.parse(text)), { ...how, takenMs })
  } catch (thrown) {
    const err = LifeboatError.from(thrown)
    // The rest of the backup may be whole all the same. One who has no key or no target learns that from the rest.
    if (reader.run.signal.aborted || !(err.code.startsWith('ARTIFACT_') || err.code === 'INTERNAL')) throw thrown
    return { whole: `its list of relations cannot be read: ${err.message}` }
  }
}

async function readTables<T>(
  reader: Reader,
  planned: PlannedCluster,
  { folder, account, database, wanted, onPhase, chosen }: OutOfCluster & { chosen?: ChosenHollow },
  use: (origin: TableOrigin, of: Contents) => Promise<T>,
): Promise<T> {
  const used: T[] = []
  let contents: Contents = { files: 0, bytes: 0, hollowBytes: 0 }
  await recoverCluster(reader, planned, {
    ...{ folder, account, start: false, kept: false, onPhase, hollow: chosen?.hollow },
    onExtracted: (found) => {
      contents = found
    },
    async inspect({ connection }) {
      onPhase('measure')
      await using origin = await databaseOrigin(
        { ...connection, database },
        { wanted, logged: true, chosen },
        reader.run,
      )
      used.push(await use(origin, contents))
      return 'discard'
    },
  })
  if (used.length === 0) throw new LifeboatError('INTERNAL', { message: 'nobody was let in to look' })
  return used[0] as T
}
