import { type BaseBackupResult, type BasePiece, baseBackup } from '@lifeboat/postgres/replication/base-backup.ts'
import { connectReplication } from '@lifeboat/postgres/replication/connection.ts'
import type { BackupId } from '@lifeboat/shared/domain/ids.ts'
import type { Artifact } from '@lifeboat/shared/domain/manifest.ts'
import type { BackupRun } from '../backup-run.ts'
import { holdWal } from '../physical/hold-wal.ts'
import type { ManifestShelf } from '../physical/manifest-shelf.ts'
import type { BasePlan } from '../plan.ts'
import type { BaseToolbox } from '../toolbox.ts'
import { encryptedInto } from './encrypted-into.ts'
import { sealHere } from './seal-text.ts'

export interface BaseMeans {
  backupId: BackupId
  plan: BasePlan
  tools: BaseToolbox
  shelf: ManifestShelf
  /**
   * The server has accepted the plan and data will come.
   *
   * @param totalBytes what it is going to read, by its own count
   */
  onBegin: (totalBytes: number) => void
}

/** The data as the server sent them, and what it said at the end. */
export interface Base {
  artifacts: Artifact[]
  result: BaseBackupResult
}

/**
 * Streams the cluster into parts: compressed by the server, encrypted here. The plain manifest stays on the shelf for the next incremental.
 *
 * While the spool is full the server waits with us; a temporary slot keeps the WAL it will need at the end.
 *
 * @throws LifeboatError SOURCE_… | BASE_… | TOOL_… | SPOOL_…
 */
export async function streamBase(run: BackupRun, means: BaseMeans): Promise<Base> {
  const { shelf, backupId } = means
  try {
    return await stream(run, means)
  } catch (err) {
    await shelf.remove(backupId)
    throw err
  }
}

async function stream(run: BackupRun, means: BaseMeans): Promise<Base> {
  const { plan, shelf, backupId } = means
  await using connection = await connectReplication(run.source.replication, {
    applicationName: `${run.applicationName} base`,
  })
  await holdWal(run, connection, backupId)
  const { compression, checkpoint, maxBytesPerSecond, parent } = plan
  const pieces = baseBackup(
    connection,
    {
      ...{ label: `lifeboat ${backupId}`, compression, checkpoint, wal: true },
      ...(maxBytesPerSecond === undefined ? {} : { maxBytesPerSecond }),
      ...(parent === undefined ? {} : { incremental: shelf.read(parent) }),
      progress: ({ done, total }) => run.report({ phase: 'base', done, total, unit: 'bytes' }),
    },
    run.signal,
  )
  const artifacts: Artifact[] = []
  for await (const piece of pieces) {
    if (piece.kind === 'begin') means.onBegin(piece.totalBytes)
    if (piece.kind === 'archive') artifacts.push(await sealArchive(run, means, piece))
    if (piece.kind === 'manifest') await shelf.keep(backupId, piece.bytes)
    if (piece.kind === 'end') {
      artifacts.push(await sealManifest(run, means))
      return { artifacts, result: piece.result }
    }
  }
  // A generator that ends without `end` has thrown.
  throw new Error('a base backup ended without its end')
}

async function sealArchive(
  run: BackupRun,
  { plan, tools }: BaseMeans,
  { tablespace, bytes }: Extract<BasePiece, { kind: 'archive' }>,
): Promise<Artifact> {
  const name = tablespace === undefined ? plan.artifacts.base : plan.artifacts.tablespace(tablespace.oid)
  const written = await encryptedInto(run.writer(name), run, tools)(bytes)
  const from = plan.parent === undefined ? 'BASE_BACKUP' : 'BASE_BACKUP INCREMENTAL'
  const encoding = [`${from} tar`, 'zstd', 'age']
  return { name, role: tablespace === undefined ? 'base' : 'tablespace', ...written, encoding }
}

/** Compressed here, while everybody waits for the end of the backup: to start programs for it takes longer. */
function sealManifest(run: BackupRun, { plan, tools, shelf, backupId }: BaseMeans): Promise<Artifact> {
  const what = { name: plan.artifacts.backupManifest, role: 'backup-manifest', from: 'BASE_BACKUP manifest' } as const
  return sealHere(run, tools, what, shelf.read(backupId))
}
