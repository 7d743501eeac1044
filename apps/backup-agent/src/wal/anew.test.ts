import type { Lsn, WalState } from '@lifeboat/shared/domain/wal.ts'
import { silentLogger } from '@lifeboat/shared/log/logger.ts'
import { expect, test } from 'vitest'
import { forgetHealedHole } from './anew.ts'
import type { Road } from './road.ts'

const lsn = (no: number) => `0/${no}000000` as Lsn
const HOLE = { from: lsn(5), to: lsn(6), timeline: 2, since: '2026-01-01T00:00:00.000Z', reason: 'test' }

/** The agent began anew and was not let in by the server yet; timeline 2 left the first one at 4. */
async function healedBy(base: { timeline: number; endLsn: Lsn }, ancestors?: WalState['ancestors']) {
  const known = { timeline: 2, ancestors, lost: HOLE } as WalState
  const now = { known, standing: undefined, lost: known.lost }
  const recent = [{ backupId: 'base', physical: base, copies: { aws: 'stored' } }]
  const catalog = { summary: async () => ({ recent }) }
  const road = { now, catalog, sourceId: 'records', wal: { copies: { required: 1 } }, log: silentLogger }
  await forgetHealedHole(road as unknown as Road)
  return now.lost === undefined
}

test('a base of a branch that was left heals no hole, also while the server was not met yet', async () => {
  const ancestors = [{ timeline: 1, end: lsn(4) }]
  expect(await healedBy({ timeline: 1, endLsn: lsn(9) }, ancestors)).toBe(false)
  expect(await healedBy({ timeline: 2, endLsn: lsn(9) }, ancestors)).toBe(true)
  expect(await healedBy({ timeline: 2, endLsn: lsn(5) }, ancestors)).toBe(false)
  // An agent that knew of no ancestors left it: nothing is off the way.
  expect(await healedBy({ timeline: 1, endLsn: lsn(9) })).toBe(true)
})
