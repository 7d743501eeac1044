import type { BackupRecord, CopyState } from '@lifeboat/shared/domain/backup.ts'
import { expect, test } from 'vitest'
import { foreignTo } from './foreign-to.ts'

function aBase(systemIdentifier: string | undefined, ...states: CopyState[]): BackupRecord {
  const copies = Object.fromEntries(states.map((state, no) => [`target-${no}`, { state }]))
  return { physical: { systemIdentifier }, copies } as unknown as BackupRecord
}

const A_DUMP = { copies: { north: { state: 'stored' } } } as unknown as BackupRecord

test.each<[string, BackupRecord[], string | undefined, string | undefined]>([
  ['a name nobody used', [], undefined, undefined],
  ['the cluster of the bases', [aBase('7', 'stored')], undefined, undefined],
  ['another than that of the bases', [aBase('8', 'expected')], undefined, '8'],
  ['another than that of a base that was let go and is still there', [aBase('8', 'expired', 'marked')], undefined, '8'],
  ['one whose bases were all let go', [aBase('8', 'expired')], undefined, undefined],
  [
    'one beside which another was refused',
    [aBase('8', 'refused', 'refused'), aBase('7', 'stored')],
    undefined,
    undefined,
  ],
  [
    'one of two that were mixed before anybody looked',
    [aBase('7', 'stored'), aBase('8', 'stored')],
    undefined,
    undefined,
  ],
  [
    'one of which only dumps and bases without a cluster are known',
    [A_DUMP, aBase(undefined, 'stored')],
    undefined,
    undefined,
  ],
  ['the cluster of the WAL, though a base of another lies there', [aBase('8', 'stored')], '7', undefined],
  ['another than that of the WAL, though a base of it lies there', [aBase('7', 'stored')], '8', '8'],
])('%s', (_title, records, wal, expected) => {
  expect(foreignTo('7', { records, wal: wal === undefined ? undefined : { systemIdentifier: wal } })).toBe(expected)
})
