import { connectSource } from '@lifeboat/postgres/connection.ts'
import { connectReplication } from '@lifeboat/postgres/replication/connection.ts'
import { isPhysicalKind, type SourceId } from '@lifeboat/shared/domain/ids.ts'
import { turns } from '@lifeboat/shared/run/turns.ts'
import type { AgentConfig, AgentSource } from './config.ts'
import type { AgentDeps } from './deps.ts'
import { demandRoot } from './phases/inspect-files.ts'

const DISK_EVERY_MS = 60_000
const SOURCES_EVERY_MS = 5 * 60_000
/** A stop waits for no look, and its process for one no longer than this. */
const CONNECT_TIMEOUT_MS = 5_000

/** Looks at the spool and at each source as a run would begin with them, so that what would fail tonight is known now. */
export function lookAtFootings({ cfg, spool, footings, log }: AgentDeps, signal: AbortSignal): void {
  const disk = { everyMs: DISK_EVERY_MS, log, signal }
  void footings.keepLooking({ part: 'spool', name: cfg.agentId }, () => spool.demandDisk(), disk)
  // Sources may be databases of one cluster, whose places for logins are few.
  const how = { everyMs: SOURCES_EVERY_MS, turns: turns(1), log, signal }
  for (const [sourceId, source] of cfg.sources)
    void footings.keepLooking({ part: 'source', name: sourceId }, () => demandSource(sourceId, source, cfg), how)
}

/** A login of its own each time: a session that is open already lives on after the password was changed. */
async function demandSource(sourceId: SourceId, source: AgentSource, cfg: AgentConfig): Promise<void> {
  if ('files' in source) return demandRoot(source.files.root)
  const { connection, replication, restore } = source
  const login = { applicationName: `lifeboat ${cfg.agentId} look`, connectTimeoutMs: CONNECT_TIMEOUT_MS }
  const logins = restore === undefined ? [connection] : [connection, restore]
  for (const to of logins) {
    await using _client = await connectSource(to, { ...login, lockTimeoutMs: CONNECT_TIMEOUT_MS })
  }
  // One and the same role was asked above, and takes no place of a WAL sender for it.
  if (replication.user === connection.user || !wantsReplication(sourceId, cfg)) return
  await using _sender = await connectReplication(replication, login)
}

function wantsReplication(sourceId: SourceId, { policies, wal }: AgentConfig): boolean {
  if (wal.has(sourceId)) return true
  return [...policies.values()].some(({ sources, kind }) => isPhysicalKind(kind) && sources.includes(sourceId))
}
