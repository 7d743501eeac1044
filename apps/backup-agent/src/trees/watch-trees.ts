import type { PolicyConfig } from '@lifeboat/config/schema/policy.ts'
import type { FilesSourceConfig } from '@lifeboat/files/source-config.ts'
import { startingPoints } from '@lifeboat/files/take/starting-points.ts'
import { treeDigest } from '@lifeboat/files/take/tree-digest.ts'
import { BackupRequested } from '@lifeboat/shared/bus/messages/backup.ts'
import { moment, type PolicyId, type RunId, type SourceId } from '@lifeboat/shared/domain/ids.ts'
import { repeat } from '@lifeboat/shared/service/repeat.ts'
import { compactTime } from '@lifeboat/shared/time/clock.ts'
import type { AgentDeps } from '../deps.ts'
import { shouldAsk } from './decide-ask.ts'
import { snapshotShelf } from './snapshot-shelf.ts'

type WatchDeps = Pick<AgentDeps, 'cfg' | 'bus' | 'ledger' | 'spool' | 'clock' | 'log'>

interface Watched {
  sourceId: SourceId
  policyId: PolicyId
  policy: PolicyConfig
  source: FilesSourceConfig
  everyMs: number
}

/** Looks at the trees whose policies want it and asks for a run when one changed and came to rest. Ends with the signal. */
export async function watchTrees(deps: WatchDeps, signal: AbortSignal): Promise<void> {
  await Promise.all(watchedIn(deps).map((watched) => watchTree(deps, watched, signal)))
}

function watchedIn({ cfg }: WatchDeps): Watched[] {
  return [...cfg.policies].flatMap(([policyId, policy]) => {
    const { onChange } = policy.schedule
    if (!onChange || policy.kind !== 'files') return []
    return policy.sources.flatMap((sourceId) => {
      const source = cfg.sources.get(sourceId)
      if (!source || !('files' in source)) return []
      return { sourceId, policyId, policy, source: source.files, everyMs: onChange.every }
    })
  })
}

async function watchTree(deps: WatchDeps, watched: Watched, signal: AbortSignal): Promise<void> {
  const { source, sourceId, everyMs } = watched
  const log = deps.log.child({ sourceId })
  const shelf = await snapshotShelf(deps.spool.path, sourceId)
  let before: string | undefined
  let asked: string | undefined
  const look = async () => {
    const now = await treeDigest(source, await startingPoints(source.root, source.include), signal)
    if (shouldAsk({ taken: await shelf.newestDigest(), before, now, asked })) {
      await ask(deps, watched)
      asked = now
    }
    before = now
  }
  await repeat('tree.look', everyMs, look, { log, signal })
}

async function ask(
  { bus, ledger, cfg, clock, log }: WatchDeps,
  { sourceId, policyId, policy }: Watched,
): Promise<void> {
  const now = clock.now()
  const runId = `${policyId}.${sourceId}.${compactTime(now)}-change` as RunId
  const deadlineAt = moment(now + policy.grace + policy.maxDuration)
  const about = {
    runId,
    sourceId,
    policyId,
    kind: policy.kind,
    requestedBy: 'agent' as const,
    dueAt: moment(now),
    deadlineAt,
  }
  await ledger.expect({ ...about, lateAt: moment(now + policy.grace) })
  await bus.publish(BackupRequested, { ...about, agentId: cfg.agentId })
  await ledger.apply(runId, 'wish')
  log.info({ event: 'tree.changed', sourceId, runId }, 'a tree changed and came to rest; asked for a run')
}
