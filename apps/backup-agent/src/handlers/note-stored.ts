import type { Handler } from '@lifeboat/shared/bus/bus.ts'
import type { CopyStored } from '@lifeboat/shared/bus/messages/copy.ts'
import type { PartStored } from '@lifeboat/shared/bus/messages/part.ts'
import type { AgentDeps } from '../deps.ts'
import { releaseBackup, releasePart } from '../spool/release.ts'

type Deps = Pick<AgentDeps, 'spool' | 'events' | 'cfg' | 'withoutMd5'>

/** A target holds one part: the spool lets it go when enough do. */
export function notePartStored({ spool, events, withoutMd5 }: Deps): Handler<PartStored> {
  return async (stored, { log }) => {
    if (stored.withoutMd5) withoutMd5.add(stored.targetId)
    if (!(await releasePart(spool, stored))) return
    const { backupId, artifact, partNo, bytes } = stored
    events.partReleased(log, { backupId, artifact, partNo, bytes })
  }
}

/** A target holds a whole copy: nothing of the backup stays when enough do. */
export function noteCopyStored({ spool, events, cfg }: Omit<Deps, 'withoutMd5'>): Handler<CopyStored> {
  return async (stored, { log }) => {
    if (stored.agentId !== cfg.agentId || !(await releaseBackup(spool, stored))) return
    const { backupId, sourceId, bytes } = stored
    events.backupReleased(log, { backupId, sourceId, bytes })
  }
}
