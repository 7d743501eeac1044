import { expect, test } from 'vitest'
import type { Seen, Sight } from './look.ts'
import type { Asked } from './pick.ts'
import { pickAny } from './pick-any.ts'

function seen(day: number, sourceId: string, more: { parent?: string; proven?: boolean } = {}): Seen {
  const kind = sourceId === 'records' ? 'dump' : 'files'
  const [backupId, snapshotAt] = [`2026090${day}T000000Z-${kind}-aaaaaa`, `2026-09-0${day}T00:00:00.000Z`]
  const about = kind === 'dump' ? { server: { systemIdentifier: '7' }, database: 'records' } : { files: { ...more } }
  const drill = more.proven === false ? undefined : { verdict: 'proven', finishedAt: '2026-09-10T00:00:00.000Z' }
  return { manifest: { backupId, kind, sourceId, snapshotAt, ...about }, signer: 'db1', drill } as unknown as Seen
}

function picked(backups: Seen[], asked: Asked): string {
  const sight: Sight = { backups, checked: true, distrusted: [], objects: backups.length }
  try {
    const found = pickAny(sight, asked)
    const all = found.kind === 'files' ? found.chain : found.kind === 'dump' ? [found.seen] : found.usable
    return all.map(({ manifest: { sourceId, backupId } }) => `${sourceId} ${backupId.slice(7, 8)}`).join(', ')
  } catch (thrown) {
    return (thrown as { code: string }).code
  }
}

const full = seen(1, 'code')
const changed = seen(2, 'code', { parent: '20260901T000000Z-files-aaaaaa' })
const all = [full, changed, seen(3, 'records')]
const code = { sourceId: 'code' } as Asked

test.each([
  ['the database where nothing was named', all, {}, 'records 3'],
  ['the tree that was named, with all it is built on', all, code, 'code 1, code 2'],
  ['the only tree where there is no database', [full], {}, 'code 1'],
  ['none of two trees', [full, seen(2, 'logs')], {}, 'RECOVERY_CHOICE_UNCLEAR'],
  ['the tree of a backup that was named', all, { backupId: full.manifest.backupId }, 'code 1'],
  ['a tree as of a time', all, { ...code, goal: { to: 'time', time: '2026-09-01T12:00:00.000Z' } }, 'code 1'],
  ['a tree as it was last', all, { ...code, goal: { to: 'latest' } }, 'code 1, code 2'],
  ['no tree at a log position', all, { ...code, goal: { to: 'lsn', lsn: '0/1' } }, 'RECOVERY_NO_BASE'],
  ['no tree nobody proved', [seen(1, 'code', { proven: false })], code, 'RECOVERY_UNPROVEN'],
  ['one nobody proved when told to', [seen(1, 'code', { proven: false })], { ...code, unproven: true }, 'code 1'],
  ['no tree for a dump', [full], { dump: true }, 'RECOVERY_NOTHING_THERE'],
  ['no source that is not there', all, { sourceId: 'records2' }, 'RECOVERY_NOTHING_THERE'],
] as [string, Seen[], Asked, string][])('it chooses %s', (_, backups, asked, expected) => {
  expect(picked(backups, asked)).toBe(expected)
})
