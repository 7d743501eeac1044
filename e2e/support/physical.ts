import type { WalState } from '@lifeboat/shared/domain/wal.ts'
import { eventually } from '@lifeboat/testkit/eventually.ts'
import { POLICY, SOURCE, type WorldConfig } from '@lifeboat/testkit/world/config.ts'
import type { World } from '@lifeboat/testkit/world.ts'
import { expect } from 'vitest'

/** The policy that takes bases of the world's cluster, beside the one that takes dumps. */
export const WEEKLY = 'weekly'

/** Dumps, bases and WAL on one target, which every drill asks. */
export function withBasesAndWal(config: WorldConfig): void {
  const policy = config.policies[POLICY]
  if (policy === undefined) throw new Error('the world has no policy to copy')
  policy.targets = ['west']
  policy.copies = { required: 1 }
  config.policies[WEEKLY] = { ...policy, kind: 'base' }
  config.wal = { [SOURCE]: { targets: ['west'], copies: { required: 1 }, flushEvery: '1s' } }
}

/** Waits until everything written so far is off-site; gives the moment, with its offset. */
export async function offSiteNow(world: World): Promise<string> {
  const { postgres, database } = world.source
  const [{ at }] = await postgres.query(database, 'SELECT clock_timestamp() AS at')
  const moment: string = at.toISOString()
  await eventually(async () => {
    const { stdout } = await world.cli(['wal', 'status', SOURCE, '--json'])
    const { sources } = JSON.parse(stdout) as { sources: { state?: WalState }[] }
    expect(sources[0]?.state?.safe.at).toSatisfy((safe) => String(safe) >= moment)
  })
  return moment
}
