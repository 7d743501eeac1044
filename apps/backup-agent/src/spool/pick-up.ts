import { readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { BackupFailed, BackupSealed } from '@lifeboat/shared/bus/messages/backup.ts'
import { PartSealed } from '@lifeboat/shared/bus/messages/part.ts'
import { moment } from '@lifeboat/shared/domain/ids.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import { manifestInside } from '@lifeboat/shared/signing/manifest-inside.ts'
import { type Attempt, aboutOf } from '../attempt.ts'
import type { AgentDeps } from '../deps.ts'
import { MANIFEST, partName, SEALED, unlessAbsent } from './files.ts'
import type { Spooled } from './spool.ts'

type Deps = Pick<AgentDeps, 'spool' | 'bus' | 'ledger' | 'clock' | 'events' | 'log' | 'cfg'>

/**
 * What an earlier process left behind: sealed backups are announced again, for nobody knows how far it came; attempts without a seal are given
 * up aloud. The dedupe keys make both harmless when it has been said before.
 */
export async function pickUpSpool(deps: Deps): Promise<void> {
  for (const spooled of deps.spool.all()) {
    if (await deps.spool.isSealed(spooled)) await announceSealed(deps, spooled)
    else await abandon(deps, spooled, { willRetry: true })
  }
}

/**
 * Ends the run of a sealed backup in the ledger, then tells of the backup. When the ledger says that the run ended otherwise meanwhile
 * (cancelled, overdue, a newer attempt), the backup is given up.
 *
 * @returns whether the run has this backup now
 */
export async function announceSealed(deps: Deps, spooled: Spooled): Promise<boolean> {
  const { attempt, folder } = spooled
  const { backupId, runId } = attempt
  const sealed = BackupSealed.schema.parse(JSON.parse(await readFile(join(folder, SEALED), 'utf8')))
  const ended = { backupId, endedAt: sealed.sealedAt }
  const { outcome } = await deps.ledger.apply(runId, 'succeed', ended, { attempt: attempt.attempt })
  if (outcome === 'refused') {
    await abandon(deps, spooled, { willRetry: false })
    return false
  }
  const told = { ...sealed, spoolUrl: deps.cfg.url }
  for (const part of await partsHere(deps, spooled)) await deps.bus.publish(PartSealed, part)
  await deps.bus.publish(BackupSealed, told)
  const { sourceId, bytes, summary } = sealed
  deps.events.backupSealed(deps.log, { sourceId, backupId, runId, bytes, ...summary })
  return true
}

/** Gives an attempt up, aloud: what it left at targets has no manifest and does not count. */
export async function abandon(deps: Deps, spooled: Spooled, { willRetry }: { willRetry: boolean }): Promise<void> {
  const { attempt } = spooled
  const error = new LifeboatError('BACKUP_ABANDONED', { backupId: attempt.backupId, runId: attempt.runId })
  await tellFailed(deps, attempt, error, willRetry)
  await deps.spool.drop(spooled)
}

export async function tellFailed(
  deps: Pick<Deps, 'bus' | 'events' | 'clock' | 'log'>,
  attempt: Attempt,
  error: LifeboatError,
  willRetry: boolean,
): Promise<void> {
  const { sourceId, backupId, runId } = attempt
  const failedAt = moment(deps.clock.now())
  const fact = { ...aboutOf(attempt), attempt: attempt.attempt, failedAt, error: error.toReport(), willRetry }
  await deps.bus.publish(BackupFailed, BackupFailed.schema.parse(fact))
  deps.events.backupFailed(deps.log, { sourceId, code: error.code, backupId, runId, willRetry, err: error })
}

/** Parts that no release has taken away yet. */
async function partsHere({ cfg }: Deps, { attempt, folder }: Spooled): Promise<PartSealed[]> {
  const manifest = manifestInside(await readFile(join(folder, MANIFEST)))
  const { backupId, sourceId, agentId, policyId, targets } = attempt
  const { systemIdentifier } = manifest.physical ?? {}
  const cluster = systemIdentifier === undefined ? {} : { systemIdentifier }
  const about = { backupId, sourceId, agentId, policyId, targets, ...cluster }
  const here: PartSealed[] = []
  for (const { name: artifact, parts } of manifest.artifacts) {
    for (const part of parts) {
      const path = join(folder, partName(artifact, part.no))
      const there = await unlessAbsent(path, stat(path))
      if (there) here.push({ ...about, artifact, part, spoolUrl: cfg.url })
    }
  }
  return here
}
