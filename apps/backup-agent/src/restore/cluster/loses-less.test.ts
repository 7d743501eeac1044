import type { PlannedCluster } from '@lifeboat/recovery/bare/plan-cluster.ts'
import type { PhysicalManifest } from '@lifeboat/recovery/extract/extract-backup.ts'
import type { Goal } from '@lifeboat/shared/domain/goal.ts'
import type { Lsn } from '@lifeboat/shared/domain/wal.ts'
import { expect, test } from 'vitest'
import { losesLess, reachOf } from './loses-less.ts'

interface Has {
  /** Hours at which backups ended; the first is the one recovery begins with. */
  backups?: number[]
  /** Of the newest backup, where it is another one. */
  backedUpOn?: number
  /** Log position, in segments. */
  end?: number
  timeline?: number
  cluster?: string
}

const at = (hour: number) => `2026-09-26T${String(hour).padStart(2, '0')}:00:00.000Z`
/** A log position for each hour. */
const lsn = (no: number) => `0/${(no * 0x1000000).toString(16).toUpperCase()}` as Lsn
const TO_NOON: Goal = { to: 'time', time: at(12) } as Goal

function reach(goal: Goal, { backups = [2], backedUpOn, end, timeline = 1, cluster = '7' }: Has) {
  const manifests = backups.map((hour, no) => ({
    ...{ startedAt: at(hour), snapshotAt: at(hour), server: { systemIdentifier: cluster } },
    physical: { timeline: no > 0 && backedUpOn ? backedUpOn : timeline, endLsn: lsn(hour) },
  })) as PhysicalManifest[]
  const path = [{ timeline, begin: 0n, end: undefined }]
  const plan = {
    goal,
    timeline: end === undefined ? 'current' : timeline,
    wal: end === undefined ? undefined : { end: lsn(end), path },
  }
  return reachOf({ chain: [manifests[0]], plan } as unknown as PlannedCluster, manifests)
}

test.each<[string, Goal, Has, Has, boolean]>([
  ['WAL that leads further, to the latest', { to: 'latest' }, { end: 11 }, { end: 10 }, true],
  ['WAL that leads less far', { to: 'latest' }, { end: 10 }, { end: 11 }, false],
  ['the same WAL on top of a newer backup', { to: 'latest' }, { end: 10, backups: [6] }, { end: 10 }, false],
  ['a newer timeline, however far the older one leads', { to: 'latest' }, { end: 10, timeline: 2 }, { end: 12 }, true],
  ['an older timeline', { to: 'latest' }, { end: 12 }, { end: 10, timeline: 2 }, false],
  ['the cluster that was backed up last', { to: 'latest' }, { end: 1, backups: [9], cluster: '8' }, { end: 12 }, true],
  [
    'the cluster that had the name before',
    { to: 'latest' },
    { end: 12 },
    { end: 1, backups: [9], cluster: '8' },
    false,
  ],
  ['a newer backup, to the end of a backup', { to: 'end of backup' }, { backups: [6] }, { backups: [2] }, true],
  ['the same backup, to its end', { to: 'end of backup' }, {}, {}, false],
  ['WAL that leads further, to a time it may not have come to', TO_NOON, { end: 11 }, { end: 10 }, true],
  [
    'WAL that leads further, to a time before a later backup',
    TO_NOON,
    { end: 15 },
    { end: 14, backups: [2, 13] },
    false,
  ],
  [
    'WAL that leads further, where the later backup lies behind its end',
    TO_NOON,
    { end: 15 },
    { end: 12, backups: [2, 13] },
    true,
  ],
  [
    'WAL that leads further, to a time before a later backup of another timeline',
    TO_NOON,
    { end: 15 },
    { end: 14, backups: [2, 13], backedUpOn: 2 },
    true,
  ],
  ['WAL that leads further than a log position', { to: 'lsn', lsn: lsn(9) }, { end: 11 }, { end: 10 }, false],
])('does %s lose less?', (_, goal, one, than, expected) => {
  expect(losesLess(reach(goal, one), reach(goal, than))).toBe(expected)
})
