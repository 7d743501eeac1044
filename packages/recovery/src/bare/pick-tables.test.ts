import type { Moment, SourceId } from '@lifeboat/shared/domain/ids.ts'
import { expect, test } from 'vitest'
import type { Seen } from './look.ts'
import { pickTables, type TablesAsked } from './pick-tables.ts'

/** A backup of that day; an export of these tables, or a dump. */
function seen(day: number, titles: string[] | 'dump' | 'base', proven = true): Seen {
  const kind = typeof titles === 'string' ? titles : 'tables'
  const exports = typeof titles === 'string' ? undefined : { tables: titles.map((title) => ({ title })) }
  const backupId = `2026090${day}T000000Z-${kind}-aaaaaa`
  const manifest = { backupId, kind, sourceId: 'records', server: {}, database: 'records', exports }
  const drill = proven ? { verdict: 'proven', finishedAt: '2026-09-10T00:00:00.000Z' as Moment } : undefined
  return { manifest, manifestSha256: '', signer: 'db1', drill } as unknown as Seen
}

function picked(backups: Seen[], asked: Partial<TablesAsked> = {}): string {
  const sight = { backups, checked: true, distrusted: [], objects: backups.length }
  try {
    const wanted = { sourceId: 'records' as SourceId, titles: ['public.a'], unproven: false, ...asked }
    const { from, seen, notes } = pickTables(sight, wanted)
    return [from, seen.manifest.backupId.slice(7, 8), ...notes.map(() => 'passed over')].join(' ')
  } catch (thrown) {
    return (thrown as { code: string }).code
  }
}

test.each([
  ['the newest export that holds them', [seen(1, ['public.a']), seen(2, ['public.a', 'public.b'])], {}, 'export 2'],
  ['an older export where the newest lacks one', [seen(1, ['public.a']), seen(2, ['public.b'])], {}, 'export 1'],
  ['a dump that is newer, which may hold anything', [seen(1, ['public.a']), seen(2, 'dump')], {}, 'dump 2'],
  ['an export that is newer', [seen(1, 'dump'), seen(2, ['public.a'])], {}, 'export 2'],
  ['the newest proven one, and says so', [seen(1, 'dump'), seen(2, ['public.a'], false)], {}, 'dump 1 passed over'],
  ['nothing that is unproven', [seen(1, 'dump', false)], {}, 'RECOVERY_UNPROVEN'],
  ['what is unproven when told to', [seen(1, 'dump', false)], { unproven: true }, 'dump 1'],
  ['no copy of a whole cluster', [seen(1, 'base')], {}, 'RESTORE_TABLE_ABSENT'],
  [
    'no export that lacks one of two',
    [seen(1, ['public.a'])],
    { titles: ['public.a', 'public.b'] },
    'RESTORE_TABLE_ABSENT',
  ],
])('picks %s', (_, backups, asked, expected) => {
  expect(picked(backups, asked)).toBe(expected)
})

test('a backup that was named is the one or none', () => {
  const backups = [seen(1, ['public.a']), seen(2, ['public.a'])]
  const named = (day: number) => ({ backupId: `2026090${day}T000000Z-tables-aaaaaa` }) as Partial<TablesAsked>
  expect(picked(backups, named(1))).toBe('export 1')
  expect(picked(backups, named(3))).toBe('BACKUP_UNKNOWN')
})
