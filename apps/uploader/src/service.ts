import { once } from 'node:events'
import { CopyRemakeRequested, WalRemakeRequested } from '@lifeboat/shared/bus/messages/audit.ts'
import { BackupSealed } from '@lifeboat/shared/bus/messages/backup.ts'
import {
  CopyExpiryRequested,
  HoldPlaced,
  HoldReleased,
  WalExpiryRequested,
} from '@lifeboat/shared/bus/messages/expiry.ts'
import { PartSealed } from '@lifeboat/shared/bus/messages/part.ts'
import { WalRefillRequested, WalSealed } from '@lifeboat/shared/bus/messages/wal.ts'
import { within } from '@lifeboat/shared/run/within.ts'
import { repeat } from '@lifeboat/shared/service/repeat.ts'
import { deepReads } from './deep-read.ts'
import { readWalTurns } from './deep-read-wal.ts'
import type { Lane, UploaderDeps } from './deps.ts'
import { expireCopy } from './handlers/expire-copy.ts'
import { expireWal } from './handlers/expire-wal.ts'
import { noteHold, noteRelease } from './handlers/note-hold.ts'
import { refillWal } from './handlers/refill-wal.ts'
import { remakeCopy } from './handlers/remake-copy.ts'
import { remakeWal } from './handlers/remake-wal.ts'
import { sealCopy } from './handlers/seal-copy.ts'
import { storePart } from './handlers/store-part.ts'
import { storeWal } from './handlers/store-wal.ts'
import { lookAtTarget } from './look-at-target.ts'
import { surveyTargets } from './survey.ts'
import { surveyWal } from './wal-survey/survey.ts'

/** Copies that wait for their last parts come back soon, so few hands are enough. */
const COPIES_AT_ONCE = 2
/** How often it is asked whether a target was not looked at, or nothing of it read, for long. */
const SURVEY_LOOK_MS = 60_000
/** So long a stop waits for them; without the bus nothing can be given back. */
const GIVE_BACK_MS = 5_000

/** All the work of an uploader, and looks at the targets while there is none. Stays until what those have claimed is done or given back. */
export async function startUploader(deps: UploaderDeps, signal: AbortSignal): Promise<void> {
  for (const lane of deps.lanes) void lookAtTarget(deps, lane, signal)
  await startWork(deps, signal)
  const rounds = lookInRounds(deps, signal)
  if (!signal.aborted) await once(signal, 'abort')
  await within(GIVE_BACK_MS, rounds)
}

/**
 * One queue of parts, one of copies, one of WAL and one of wishes to fill it up per target, shared by all uploaders: a slow or dead target delays no other, and no
 * backup, however large, delays WAL.
 */
export async function startWork(deps: UploaderDeps, signal: AbortSignal): Promise<void> {
  for (const lane of deps.lanes) {
    const { id } = lane.target
    const parts = { type: PartSealed, durable: `uploader-${id}`, concurrency: deps.concurrency }
    await deps.bus.consume(parts, storePart(deps, lane), { signal })
    const copies = { type: BackupSealed, durable: `copier-${id}`, concurrency: COPIES_AT_ONCE }
    await deps.bus.consume(copies, sealCopy(deps, lane), { signal })
    const wal = { type: WalSealed, durable: `wal-${id}`, concurrency: deps.concurrency }
    await deps.bus.consume(wal, storeWal(deps, lane), { signal })
    const refills = { type: WalRefillRequested, durable: `refill-${id}`, route: id }
    await deps.bus.consume(refills, refillWal(deps, lane), { signal })
    await startKeeping(deps, lane, signal)
  }
}

/** What is looked at by the clock, whether anybody asks or not. */
async function lookInRounds(deps: UploaderDeps, signal: AbortSignal): Promise<void> {
  const rounds = { log: deps.log, signal }
  for (const lane of deps.lanes) void repeat('deep-read', SURVEY_LOOK_MS, () => deepReads(deps, lane, signal), rounds)
  void repeat('survey', SURVEY_LOOK_MS, () => surveyTargets(deps, deps.lanes, signal), rounds)
  // These have something to give back.
  const turns = (lane: Lane) => repeat('deep-read-wal', SURVEY_LOOK_MS, () => readWalTurns(deps, lane, signal), rounds)
  const survey = repeat('survey-wal', SURVEY_LOOK_MS, () => surveyWal(deps, signal), rounds)
  await Promise.all([survey, ...deps.lanes.map(turns)])
}

/** Holds are written down at every target; letting go is asked of those who may remove. */
async function startKeeping(deps: UploaderDeps, lane: Lane, signal: AbortSignal): Promise<void> {
  const { id } = lane.target
  await deps.bus.consume({ type: HoldPlaced, durable: `holds-${id}` }, noteHold(deps, lane), { signal })
  await deps.bus.consume({ type: HoldReleased, durable: `releases-${id}` }, noteRelease(deps, lane), { signal })
  const remakes = { type: CopyRemakeRequested, durable: `remaker-${id}`, route: id }
  await deps.bus.consume(remakes, remakeCopy(deps, lane), { signal })
  const walRemakes = { type: WalRemakeRequested, durable: `wal-remaker-${id}`, route: id }
  await deps.bus.consume(walRemakes, remakeWal(deps, lane), { signal })
  if (lane.remover === undefined) return
  const copies = { type: CopyExpiryRequested, durable: `expirer-${id}`, route: id }
  await deps.bus.consume(copies, expireCopy(deps, lane), { signal })
  const wal = { type: WalExpiryRequested, durable: `wal-expirer-${id}`, route: id }
  await deps.bus.consume(wal, expireWal(deps, lane), { signal })
}
