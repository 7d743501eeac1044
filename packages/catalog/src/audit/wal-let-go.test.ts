import type { SourceId, TargetId } from '@lifeboat/shared/domain/ids.ts'
import type { LetGoBefore, Lsn, WalState } from '@lifeboat/shared/domain/wal.ts'
import { expect, test } from 'vitest'
import { letGoBefore, type WalLetGo, withWord } from './wal-let-go.ts'

const [sourceId, targetId] = ['records' as SourceId, 'aws' as TargetId]
const word = (timeline: number, no: number): LetGoBefore => ({ timeline, lsn: `0/${no}000000` as Lsn })

test('of what was let go of a timeline the widest word counts', () => {
  const known = withWord([], word(1, 5))
  expect(withWord(known, word(1, 4))).toBe(known)
  expect(withWord(known, word(1, 5))).toBe(known)
  expect(withWord(known, word(1, 6))).toEqual([word(1, 6)])
})

test('a word of a newer timeline takes the place of none of an older one, for the cluster may be put back to that', () => {
  const known = withWord([], word(1, 5))
  expect(withWord(known, word(2, 5))).toEqual([word(1, 5), word(2, 5)])
  expect(withWord([word(2, 5)], word(1, 3))).toEqual([word(2, 5), word(1, 3)])
})

test('what was let go of a timeline the cluster was put back from says nothing of what was written since, and something of that timeline still', async () => {
  const noted = [word(1, 3), word(2, 6)]
  const there = async () => ({ key: '', value: { sourceId, targetId, before: noted }, revision: 1, writtenAt: 0 })
  const ask = (told: Partial<Pick<WalState, 'timeline' | 'targets'>>) =>
    letGoBefore({ get: there as () => Promise<WalLetGo & never> }, { sourceId, targets: {}, ...told }, targetId)
  const left = { ...word(2, 6), newerThan: 1 }
  expect(await ask({ timeline: 1 })).toEqual([word(1, 3), left])
  expect(await ask({ timeline: 2 })).toEqual(noted)
  expect(await ask({ timeline: 3 })).toEqual(noted)
  // Nobody knows the way.
  expect(await ask({})).toEqual(noted)
  // What the agent tells it has cut to the way of the cluster already.
  const targets = { [targetId]: { lsn: '0/9000000', at: '2026-01-01T00:00:00.000Z', begins: word(1, 4) } }
  expect(await ask({ timeline: 1, targets: targets as WalState['targets'] })).toEqual([word(1, 4), left])
})
