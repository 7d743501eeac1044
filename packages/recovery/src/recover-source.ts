import { openScratchRoom, type ScratchRoom } from '@lifeboat/postgres/scratch/scratch-room.ts'
import { stopServer } from '@lifeboat/postgres/scratch/start-server.ts'
import type { SourceId } from '@lifeboat/shared/domain/ids.ts'
import { backupBytes } from '@lifeboat/shared/domain/manifest.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import type { Trust } from '@lifeboat/shared/signing/open-manifest.ts'
import { type Extracted, forgetOldTablespaces, type PhysicalManifest } from './extract/extract-backup.ts'
import { extractChain } from './extract/extract-chain.ts'
import { type ExtractThread, openExtractThread } from './extract/extract-thread.ts'
import type { Reader } from './fetch/reader.ts'
import type { Wanted } from './goal.ts'
import { type Archive, listArchive } from './list-archive.ts'
import { listPhysicalBackups } from './list-backups.ts'
import { planRecovery, type RecoveryPlan } from './plan/plan.ts'
import { demandOf } from './preflight.ts'
import { openGetter, type RecoveredServer, startRecovery } from './recover/start-recovery.ts'

export interface RecoverSourceOptions {
  reader: Reader
  sourceId: SourceId
  trust: Trust
  wanted: Wanted
  /** Folder below which the recovered cluster lives; made when it is missing. */
  root: string
  /** Unique below `root`. */
  name: string
  port: number
  /** Of the recovered server, over those recovery needs. */
  settings?: Readonly<Record<string, string>>
  /** Told each time another phase begins: list, plan, extract, replay. */
  onPhase?: (phase: string) => void
}

/** A source recovered beside: a promoted server of its own, out of the bucket alone. Disposing stops it and removes every trace. */
export interface RecoveredSource extends AsyncDisposable, Omit<RecoveredServer, 'getter'> {
  plan: RecoveryPlan
  folder: string
}

const NO_ARCHIVE: Archive = { wal: [], histories: new Map() }

/**
 * The whole way from a target to a server that answers: what is there, the plan, the room, the chain fetched and combined, the WAL replayed.
 *
 * @throws LifeboatError RECOVERY_… | WAL_… | ARTIFACT_… | TARGET_… | DRILL_SCRATCH_UNAVAILABLE
 */
export async function recoverSource(opts: RecoverSourceOptions): Promise<RecoveredSource> {
  const { reader, sourceId, wanted, onPhase = () => {} } = opts
  // It starts while everything before the first byte is done.
  await using thread = openExtractThread()
  onPhase('list')
  const manifests = await listPhysicalBackups(reader, sourceId, opts.trust)
  const newest = manifests.at(-1)
  if (!newest) throw new LifeboatError('RECOVERY_NO_BASE', { sourceId, targetId: reader.target.id })
  const { systemIdentifier } = newest.server
  const { segmentBytes } = newest.physical
  const withoutArchive = wanted.goal.to === 'end of backup'
  const archive = withoutArchive ? NO_ARCHIVE : await listArchive(reader, sourceId, { systemIdentifier, segmentBytes })
  onPhase('plan')
  const backups = manifests.filter(({ server }) => server.systemIdentifier === systemIdentifier)
  const plan = planRecovery({ backups, ...archive, now: Date.now() }, wanted)
  const chain = plan.chain.map(
    ({ backupId }) => manifests.find((each) => each.backupId === backupId) as PhysicalManifest,
  )
  await using stack = new AsyncDisposableStack()
  const room = stack.use(await roomFor(opts, plan, chain))
  const of = { reader, plan, archive: archive.wal, systemIdentifier }
  const getter = stack.use(await openGetter({ ...of, place: room }))
  const { dataDir } = await rebuild(opts, room, chain, thread)
  onPhase('replay')
  const place = { ...room, dataDir, port: opts.port }
  const settings = opts.settings === undefined ? {} : { settings: opts.settings }
  const { getter: _, ...back } = await startRecovery({ ...of, place, getter, atGoal: 'promote', ...settings })
  stack.defer(() => stopServer(back.server, 'immediate'))
  const owned = stack.move()
  return { ...back, plan, folder: room.folder, [Symbol.asyncDispose]: () => owned.disposeAsync() }
}

function roomFor(
  opts: RecoverSourceOptions,
  plan: RecoveryPlan,
  chain: readonly PhysicalManifest[],
): Promise<ScratchRoom> {
  const sizes = chain.map((each) => ({ databaseBytes: each.summary.databaseBytes, artifactBytes: backupBytes(each) }))
  const major = chain.at(-1)?.server.major ?? 0
  const { bytes, programs } = demandOf(plan, sizes, major, 'over the base')
  const { toolPaths, run } = opts.reader
  const about = { root: opts.root, name: opts.name, major, needBytes: bytes, toolPaths, signal: run.signal }
  return openScratchRoom({ ...about, tools: programs })
}

async function rebuild(
  { reader, settings, onPhase = () => {} }: RecoverSourceOptions,
  { folder, account }: ScratchRoom,
  chain: readonly PhysicalManifest[],
  thread: ExtractThread,
): Promise<Extracted> {
  onPhase('extract')
  const oldestFirst = chain as [PhysicalManifest, ...PhysicalManifest[]]
  const extracted = await extractChain(
    reader,
    oldestFirst,
    { folder, account, saved: settings?.fsync !== 'off' },
    thread,
  )
  await forgetOldTablespaces(extracted)
  return extracted
}
