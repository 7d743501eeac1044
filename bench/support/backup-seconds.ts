import { Ledger } from '@lifeboat/catalog/ledger.ts'
import type { Bus } from '@lifeboat/shared/bus/bus.ts'
import { BackupRequested } from '@lifeboat/shared/bus/messages/backup.ts'
import { CopyStored } from '@lifeboat/shared/bus/messages/copy.ts'
import {
  type BackupId,
  type BackupKind,
  moment,
  operatorRunId,
  type PolicyId,
  type SourceId,
} from '@lifeboat/shared/domain/ids.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import { AGENT, SOURCE } from '@lifeboat/testkit/world/config.ts'

interface Wanted {
  policyId: PolicyId
  kind: BackupKind
  /** Complete copies to wait for. */
  copies: number
}

/** Wishes for one backup of the world's source and waits: from the wish on the bus to the last target's complete copy. */
export async function backupSeconds(bus: Bus, { policyId, kind, copies }: Wanted): Promise<number> {
  const now = Date.now()
  const sourceId = SOURCE as SourceId
  const runId = operatorRunId(policyId, sourceId, now)
  const started = performance.now()
  await bus.publish(BackupRequested, {
    ...{ runId, sourceId, policyId, kind, requestedBy: 'operator' },
    agentId: AGENT as BackupRequested['agentId'],
    dueAt: moment(now),
    deadlineAt: moment(now + 3_600_000),
  })
  await stored(bus, runId, copies, now)
  return (performance.now() - started) / 1000
}

/** A copy may come before the ledger says which backup the run made, so copies of every backup are counted until it does. */
async function stored(bus: Bus, runId: BackupRequested['runId'], copies: number, since: number): Promise<void> {
  const ledger = await Ledger.open(bus)
  const seen = new Map<BackupId, number>()
  const subjects = [`lifeboat.fact.${CopyStored.subject}.v${CopyStored.version}.*`]
  const signal = AbortSignal.timeout(3_600_000)
  for await (const { data } of bus.observe({ signal, follow: true, since, subjects })) {
    const { backupId } = data as CopyStored
    seen.set(backupId, (seen.get(backupId) ?? 0) + 1)
    const made = (await ledger.get(runId))?.backupId
    if (made !== undefined && (seen.get(made) ?? 0) >= copies) return
  }
  throw new LifeboatError('INTERNAL', { message: 'the copies did not come', runId })
}
