import { expect, test } from 'vitest'
import { BackupId, newBackupId, PolicyId, SourceId, scheduledRunId, TargetId } from './ids.ts'

const AT = Date.UTC(2026, 8, 26, 2)

test('a backup id reads as time and kind, and no two attempts share one', () => {
  const ids = Array.from({ length: 1000 }, () => newBackupId('dump', AT))
  expect(ids[0]).toMatch(/^20260926T020000Z-dump-[a-z0-9]{6}$/)
  expect(new Set(ids).size).toBe(1000)
  for (const id of ids) BackupId.parse(id)
})

test('every scheduler gives the same due run the same id', () => {
  const id = () => scheduledRunId(PolicyId.parse('daily'), SourceId.parse('records'), AT)
  expect(id()).toBe('daily.records.20260926T020000Z')
  expect(id()).toBe(id())
})

test.each(['Records', 're.cords', '../etc', 'a b', '', '-x', 'ü'])(
  '"%s" cannot name a target, because it would not be safe in keys and subjects',
  (name) => {
    expect(TargetId.safeParse(name).success).toBe(false)
  },
)
