import { type BackupId, moment, type SourceId } from '@lifeboat/shared/domain/ids.ts'
import {
  documentKey,
  evidenceKey,
  FLEET_KEY,
  holdKey,
  type Key,
  manifestKey,
  partKey,
  tombstoneKey,
} from '@lifeboat/shared/domain/keys.ts'
import { clusterKey, clusterOfBasesKey, segmentAt, walKey } from '@lifeboat/shared/domain/wal.ts'
import { LEAST_MOVED_BYTES } from '@lifeboat/storage/move-mark.ts'
import { expect, test } from 'vitest'
import { judgeClass, moveMarks } from './judge-class.ts'

const DAY = 86_400_000
const NOW = Date.UTC(2026, 10, 30)
const ago = (days: number) => moment(NOW - days * DAY)
const source = 'records' as SourceId
const dump = '20260926T020000Z-dump-k3f9qa' as BackupId
const part = (id: string = dump) => partKey(source, id as BackupId, 'db.dump.zst.age' as never, 0)
const LITTLE: Key[] = [
  FLEET_KEY,
  manifestKey(source, dump),
  documentKey(source, dump, 'RECOVER.md'),
  evidenceKey(source, dump, '20260927T031500Z-drill-a81m0c' as never),
  holdKey(source, '20261128T020000Z-hold-k3f9qa' as never),
  tombstoneKey(source, dump, '20261128T020000Z-mark-k3f9qa' as never),
  walKey(source, { kind: 'segment', segment: segmentAt(1, 0n, 1 << 24), digest: 'a'.repeat(16) }),
  clusterKey(source),
  clusterOfBasesKey(source),
]
const marks = { dump: { days: 30, since: ago(100) } }

function judge(key: Key, storageClass: string | undefined, over: object = {}) {
  const { storedAt, bytes, ...rest } = { storedAt: ago(60), bytes: LEAST_MOVED_BYTES, ...over }
  const receipt = { key, bytes, storedAt, ...(storageClass && { storageClass }) }
  return judgeClass(receipt, { to: 'STANDARD_IA', marks, nowMs: NOW, ...rest })
}

test('whatever is no part is misplaced in a class that bills age, at each cloud, and well in the standard one', () => {
  for (const key of LITTLE) {
    for (const name of ['STANDARD_IA', 'ONEZONE_IA', 'GLACIER_IR', 'NEARLINE', 'COLDLINE', 'ARCHIVE', 'Cool', 'Cold'])
      expect(judge(key, name), `${key} ${name}`).toBe('misplaced')
    for (const name of ['STANDARD', 'Hot', undefined]) expect(judge(key, name), `${key} ${name}`).toBeUndefined()
  }
})

test('anything of ours that must be thawed is told, parts as well; ARCHIVE of Google need not be', () => {
  for (const key of [part(), ...LITTLE])
    for (const name of ['GLACIER', 'DEEP_ARCHIVE', 'Archive'])
      expect(judge(key, name), `${key} ${name}`).toBe('offline')
  expect(judge(part(), 'ARCHIVE')).toBe('moved')
})

test('what others keep there, other fleets and left-overs of checks are none of our business', () => {
  for (const key of [
    'notes.txt',
    'reports/2026.csv',
    'lifeboat-check/abc/object',
    `other/${manifestKey(source, dump)}`,
  ])
    for (const name of ['STANDARD_IA', 'GLACIER']) expect(judge(key, name), key).toBeUndefined()
})

test('a marked part that is old enough should have moved, with days of slack', () => {
  expect(judge(part(), 'STANDARD', { storedAt: ago(36) })).toBe('late')
  expect(judge(part(), 'STANDARD', { storedAt: ago(35) })).toBeUndefined()
  expect(judge(part(), 'STANDARD_IA')).toBe('moved')
  // Somebody moved it further.
  expect(judge(part(), 'GLACIER_IR')).toBe('moved')
  expect(judge(part(), 'cold-tier', { to: 'COLD-TIER' })).toBe('moved')
})

test('of parts that may have no mark nobody says that they are late', () => {
  expect(judge(part(), 'STANDARD', { storedAt: ago(100) })).toBeUndefined()
  expect(judge(part(), 'STANDARD', { storedAt: ago(99.5) })).toBeUndefined()
  expect(judge(part(), 'STANDARD', { storedAt: ago(99) })).toBe('late')
  expect(judge(part(), 'STANDARD', { storedAt: undefined })).toBeUndefined()
  expect(judge(part(), 'STANDARD', { bytes: LEAST_MOVED_BYTES - 1 })).toBeUndefined()
  expect(judge(part('20260926T020000Z-files-k3f9qa'), 'STANDARD')).toBeUndefined()
  expect(judge(part(), 'STANDARD', { to: undefined })).toBeUndefined()
  expect(judge(part(), undefined)).toBeUndefined()
})

test('marks count from the first look that knew their days, and anew when the days change', () => {
  const at = ago(0)
  const transition = { class: 'STANDARD_IA', days: { dump: 30, base: 60 } }
  expect(moveMarks(undefined, marks, at)).toEqual({})
  expect(moveMarks(transition, {}, at)).toEqual({ dump: { days: 30, since: at }, base: { days: 60, since: at } })
  expect(
    moveMarks(transition, { ...marks, base: { days: 50, since: ago(9) }, files: { days: 1, since: at } }, at),
  ).toEqual({ ...marks, base: { days: 60, since: at } })
})
