import { BackupRequested } from '@lifeboat/shared/bus/messages/backup.ts'
import { CopyStored } from '@lifeboat/shared/bus/messages/copy.ts'
import { PartStored } from '@lifeboat/shared/bus/messages/part.ts'
import { RestorePlanRequested, RestoreRequested } from '@lifeboat/shared/bus/messages/restore.ts'
import type { AgentDeps } from './deps.ts'
import { noteCopyStored, notePartStored } from './handlers/note-stored.ts'
import { planRestore } from './handlers/plan-restore.ts'
import { restoreOnCommand } from './handlers/restore.ts'
import { takeBackup } from './handlers/take-backup.ts'
import { lookAtFootings } from './look-at-footings.ts'
import { wakeBesides } from './restore/cluster/serve-beside.ts'
import { unfitHooks } from './restore/hook-account.ts'
import { pickUpSpool } from './spool/pick-up.ts'
import { watchTrees } from './trees/watch-trees.ts'
import { keepWal } from './wal/keep-wal.ts'

/** Wishes in hand; of these only so many do bulk work at a time, see take-backup.ts. */
const WISHES_AT_ONCE = 8

/** A second one of the same source is refused rather than kept waiting. */
const COMMANDS_AT_ONCE = 4

/** Picks up what an earlier process left, then takes wishes; an agent that loses its name stops. */
export async function startAgent(deps: AgentDeps, signal: AbortSignal): Promise<void> {
  const { bus, cfg, lease } = deps
  const { agentId } = cfg
  const until = { signal: AbortSignal.any([signal, lease.lost]) }
  for (const [hook, err] of cfg.restore ? unfitHooks(cfg.restore) : [])
    deps.log.warn(
      { event: 'restore.hook-unfit', hook, err },
      'a hook cannot be run, and commands that name it are refused',
    )
  await pickUpSpool(deps)
  const parts = { type: PartStored, durable: `agent-${agentId}-parts`, route: agentId }
  await bus.consume(parts, notePartStored(deps), until)
  await bus.consume({ type: CopyStored, durable: `agent-${agentId}-copies` }, noteCopyStored(deps), until)
  const wishes = { type: BackupRequested, durable: `agent-${agentId}`, route: agentId, concurrency: WISHES_AT_ONCE }
  await bus.consume(wishes, takeBackup(deps), until)
  const commands = {
    ...{ type: RestoreRequested, durable: `agent-${agentId}-restores`, route: agentId, concurrency: COMMANDS_AT_ONCE },
    // What fails before its swap is settled there and then; behind it a command given up would leave a service stopped that nobody starts again.
    maxDeliver: Number.POSITIVE_INFINITY,
  }
  const obeying = wakeBesides(deps, until.signal).then(() => bus.consume(commands, restoreOnCommand(deps), until))
  const plans = { type: RestorePlanRequested, durable: `agent-${agentId}-plans`, route: agentId }
  await bus.consume(plans, planRestore(deps), until)
  lookAtFootings(deps, until.signal)
  const roads = [...cfg.wal].map(([sourceId, wal]) => keepWal(deps, sourceId, wal, until.signal))
  const ended = new Promise<void>((resolve, reject) => {
    const end = () => (lease.lost.aborted ? reject(lease.lost.reason) : resolve())
    if (until.signal.aborted) end()
    else until.signal.addEventListener('abort', end, { once: true })
  })
  await Promise.all([ended, obeying, ...roads, watchTrees(deps, until.signal)])
}
