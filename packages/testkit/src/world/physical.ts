import type { WalState } from '@lifeboat/shared/domain/wal.ts'
import { until } from '../eventually.ts'
import type { World } from '../world.ts'
import { POLICY, SOURCE, type WorldConfig } from './config.ts'

/** The policy that takes bases of the world's cluster, beside the one that takes dumps. */
export const WEEKLY = 'weekly'
/** The one target they go to. */
export const WEST = 'west'

/** Dumps, bases and WAL on one target, which every drill asks. */
export function withBasesAndWal(config: WorldConfig): void {
  const policy = config.policies[POLICY]
  if (policy === undefined) throw new Error('the world has no policy to copy')
  policy.targets = [WEST]
  policy.copies = { required: 1 }
  config.policies[WEEKLY] = { ...policy, kind: 'base' }
  config.wal = { [SOURCE]: { targets: [WEST], copies: { required: 1 }, flushEvery: '1s' } }
}

/** Waits until everything written so far is off-site; gives the moment, with its offset. */
export async function offSiteNow(world: World): Promise<string> {
  const { postgres, database } = world.source
  const [{ at }] = await postgres.query(database, 'SELECT clock_timestamp() AS at')
  const moment: string = at.toISOString()
  const safeAt = async () => {
    const { stdout } = await world.cli(['wal', 'status', SOURCE, '--json'])
    const { sources } = JSON.parse(stdout) as { sources: { state?: WalState }[] }
    return sources[0]?.state?.safe.at
  }
  await until(safeAt, (safe) => safe !== undefined && safe >= moment)
  return moment
}
