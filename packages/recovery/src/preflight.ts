import { statfs } from 'node:fs/promises'
import { findPostgresTools, findProgram, type PostgresTools, type Search } from '@lifeboat/postgres/tools/find-tools.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import type { RecoveryPlan } from './plan/plan.ts'

/** What a recovery takes of the machine it runs on. */
export interface Demand {
  /** On the disk of the new data directory, at the widest moment. */
  bytes: number
  /** The very major version: a data directory fits no other. */
  major: number
  programs: readonly string[]
}

/** A disk filled to its last megabyte breaks more than a recovery. */
const SPARE_BYTES = 512 * 1024 ** 2
/** WAL fetched ahead, WAL kept until the next restart point, and what the cluster grows by while it is replayed. */
const REPLAY_BYTES = 2 * 1024 ** 3
const REPLAY_GROWTH = 0.1

/**
 * How much a plan needs. A chain that is combined by PostgreSQL's own program lies on the disk once as it came and once combined; one that is
 * brought back over its base has at most everything its incrementals brought beside it.
 *
 * @param sizes of the backups of the chain, oldest first: the cluster as it was, and the artifacts' bytes
 */
export function demandOf(
  plan: Pick<RecoveryPlan, 'chain' | 'wal'>,
  sizes: readonly { databaseBytes: number; artifactBytes: number }[],
  major: number,
  chains: 'over the base' | 'combined',
): Demand {
  const last = sizes.at(-1)?.databaseBytes ?? 0
  const [full, ...incrementals] = sizes
  // An incremental is compressed like the full one, or a little worse.
  const ratio = full && full.artifactBytes > 0 ? Math.max(1, full.databaseBytes / full.artifactBytes) : 4
  const unpacked = incrementals.reduce((sum, { artifactBytes }) => sum + artifactBytes * ratio, 0)
  const asItCame = incrementals.length > 0 ? (full?.databaseBytes ?? 0) + unpacked : 0
  const widest = chains === 'combined' ? last + asItCame : Math.max(last, asItCame)
  const replay = plan.wal ? REPLAY_BYTES + last * REPLAY_GROWTH : 0
  return {
    bytes: Math.round(widest + replay),
    major,
    programs: [
      ...['postgres', 'pg_verifybackup', 'pg_waldump', 'pg_controldata'],
      ...(incrementals.length > 0 && chains === 'combined' ? ['pg_combinebackup'] : []),
    ],
  }
}

/**
 * Looks whether this machine can do it, before the first byte is fetched.
 *
 * @param path an existing folder on the disk of the new data directory
 * @throws LifeboatError RECOVERY_NO_ROOM | TOOL_MISSING
 */
export async function preflight(demand: Demand, path: string, search: Search): Promise<PostgresTools> {
  const { bavail, bsize } = await statfs(path)
  const [neededBytes, freeBytes] = [demand.bytes + SPARE_BYTES, bavail * bsize]
  if (freeBytes < neededBytes) throw new LifeboatError('RECOVERY_NO_ROOM', { path, neededBytes, freeBytes })
  await Promise.all(['age', 'zstd'].map((name) => findProgram(name, search)))
  const tools = await findPostgresTools(demand.major, demand.programs, search)
  if (tools.major !== demand.major)
    throw new LifeboatError('TOOL_MISSING', {
      tool: 'postgres',
      package: `postgresql-${demand.major}`,
      neededMajor: demand.major,
      foundMajor: tools.major,
    })
  return tools
}
