import type { Moment } from '@lifeboat/shared/domain/ids.ts'
import { expect, test } from 'vitest'
import type { Seen, Sight } from './look.ts'
import { type Asked, pick } from './pick.ts'

type Kind = 'dump' | 'base' | 'incremental' | 'files'

/** `20260926-dump`: what a target holds, oldest first; a trailing `!` was proven. */
function seen(
  day: number,
  kind: Kind,
  more: { proven?: boolean; parent?: string; source?: string; system?: string } = {},
): Seen {
  const backupId = `2026090${day}T000000Z-${kind}-aaaaaa`
  const physical =
    kind === 'base' || kind === 'incremental' ? { ...(more.parent && { parent: more.parent }) } : undefined
  const manifest = {
    ...{ backupId, kind, sourceId: more.source ?? 'records', physical },
    ...(kind !== 'files' && { server: { systemIdentifier: more.system ?? '7' }, database: 'records' }),
  }
  const drill =
    more.proven === false ? undefined : { verdict: 'proven', finishedAt: '2026-09-10T00:00:00.000Z' as Moment }
  return { manifest, manifestSha256: '', signer: 'db1', drill } as Seen
}

function picked(backups: Seen[], asked: Asked = {}): string {
  const sight: Sight = { backups, checked: true, distrusted: [], objects: backups.length }
  try {
    const found = pick(sight, asked)
    const what = found.kind === 'dump' ? [found.seen] : found.usable
    return [...what.map(({ manifest }) => manifest.backupId.slice(7, 8) + manifest.kind), ...found.notes].join(' ')
  } catch (thrown) {
    return (thrown as { code: string }).code
  }
}

const base = '20260901T000000Z-base-aaaaaa'

test.each([
  ['a cluster before a dump', [seen(1, 'base'), seen(2, 'dump')], {}, '1base'],
  ['a dump where there is nothing else', [seen(1, 'dump'), seen(2, 'dump')], {}, '2dump'],
  ['a dump when it is asked for', [seen(1, 'base'), seen(2, 'dump')], { dump: true }, '2dump'],
  [
    'the newest proven one, and says so',
    [seen(1, 'dump'), seen(2, 'dump', { proven: false })],
    {},
    '1dump Newer than 20260901T000000Z-dump-aaaaaa but not proven, so passed over: 20260902T000000Z-dump-aaaaaa.',
  ],
  ['nothing that is unproven', [seen(1, 'dump', { proven: false })], {}, 'RECOVERY_UNPROVEN'],
  ['what is unproven when told to', [seen(1, 'dump', { proven: false })], { unproven: true }, '1dump'],
  [
    'the ground of a proven incremental, whether it was drilled itself or not',
    [seen(1, 'base', { proven: false }), seen(2, 'incremental', { parent: base })],
    {},
    '1base 2incremental',
  ],
  [
    'no incremental nobody proved',
    [seen(1, 'base'), seen(2, 'incremental', { parent: base, proven: false })],
    {},
    '1base Newer than 20260901T000000Z-base-aaaaaa but not proven, so passed over: 20260902T000000Z-incremental-aaaaaa.',
  ],
  [
    'no source when there are two',
    [seen(1, 'dump'), seen(2, 'dump', { source: 'other' })],
    {},
    'RECOVERY_CHOICE_UNCLEAR',
  ],
  [
    'the source that was named',
    [seen(1, 'dump'), seen(2, 'dump', { source: 'other' })],
    { sourceId: 'records' },
    '1dump',
  ],
  ['the cluster that was backed up last', [seen(1, 'base'), seen(2, 'base', { system: '8' })], {}, '2base'],
  [
    'an earlier cluster of the same name when a backup of it is named',
    [seen(1, 'base'), seen(2, 'base', { system: '8' })],
    { backupId: base },
    '1base',
  ],
  ['no dump for a moment', [seen(1, 'dump')], { goal: { to: 'latest' } }, 'RECOVERY_NO_BASE'],
  ['no backup that is not there', [seen(1, 'dump')], { backupId: base }, 'BACKUP_UNKNOWN'],
  ['the database beside a tree of files', [seen(1, 'dump'), seen(2, 'files', { source: 'code' })], {}, '1dump'],
] as [string, Seen[], Asked, string][])('it chooses %s', (_, backups, asked, expected) => {
  expect(picked(backups, asked)).toBe(expected)
})
