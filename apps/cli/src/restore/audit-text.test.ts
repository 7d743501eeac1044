import type { RestoreAudited } from '@lifeboat/shared/bus/messages/restore.ts'
import type { SourceId } from '@lifeboat/shared/domain/ids.ts'
import { expect, test } from 'vitest'
import { whatText } from './audit-text.ts'

const records = { sourceId: 'records' as SourceId, database: 'records' }
const tables = [
  { schema: 'clinic', name: 'visit' },
  { schema: 'clinic', name: 'ward' },
]
const none = { count: 0, paths: [] }
const changes = {
  added: { count: 2, paths: ['./a', './b'] },
  removed: none,
  changed: { count: 1, paths: ['./c: mode'] },
  excluded: none,
}

test.each<[string, Partial<RestoreAudited>, string]>([
  ['nothing trustworthy', {}, '–'],
  ['a database', { action: 'restore', ...records, unproven: false }, 'restore records (records)'],
  [
    'a copy no drill has proven, with hooks around it',
    { action: 'restore', ...records, unproven: true, hooks: { stop: 'stop-app', start: 'start-app' } },
    'restore records (records, proven or not, stop hook stop-app, start hook start-app)',
  ],
  [
    'rows that are merged',
    { action: 'restore', ...records, tables, into: { how: 'merge' } },
    'restore records (clinic.visit, clinic.ward of records, merged)',
  ],
  [
    'rows that replace others, as of a point on another timeline',
    { action: 'restore', ...records, tables, into: { how: 'replace' }, goal: { to: 'latest' }, timeline: 3 },
    'restore records (clinic.visit, clinic.ward of records, replaced, to the end of the archived WAL, on timeline 3)',
  ],
  [
    'rows beside',
    { action: 'restore', ...records, tables, into: { how: 'beside', schema: 'look' } },
    'restore records (clinic.visit, clinic.ward of records, into schema look)',
  ],
  [
    'a revert of tables',
    { action: 'revert', ...records, tables },
    'revert records (clinic.visit, clinic.ward of records)',
  ],
  [
    'a cluster that is looked at before it has its place',
    { action: 'restore', sourceId: records.sourceId, place: 'in place', pause: true, goal: { to: 'latest' } },
    'restore records (cluster in place, with a look first, to the end of the archived WAL)',
  ],
  [
    'a cluster',
    { action: 'restore', sourceId: records.sourceId, place: 'in place', goal: { to: 'xid', xid: '731' } },
    'restore records (cluster in place, to transaction 731)',
  ],
  [
    'a database that no agent looked at, since the command was refused',
    { action: 'restore', sourceId: records.sourceId, kind: 'database' },
    'restore records (database)',
  ],
  [
    'tables of such a one',
    { action: 'restore', sourceId: records.sourceId, kind: 'tables', tables, into: { how: 'merge' } },
    'restore records (clinic.visit, clinic.ward, merged)',
  ],
  [
    'a database under another name',
    { action: 'restore', sourceId: records.sourceId, kind: 'new database', newDatabase: { name: 'look' as never } },
    'restore records (as look)',
  ],
  [
    'one of another source',
    {
      ...{ action: 'restore', sourceId: 'staging' as SourceId, kind: 'new database' },
      newDatabase: { name: 'look' as never, copiesOf: records.sourceId },
    },
    'restore staging (records as look)',
  ],
  [
    'a tree of files',
    { action: 'release', sourceId: records.sourceId, root: '/srv/app' },
    'release records (/srv/app)',
  ],
  [
    'how a tree of files differs',
    { action: 'restore', sourceId: records.sourceId, root: '/srv/app', changes },
    'restore records (/srv/app): 2 added, 1 changed',
  ],
])('the audit tells of %s', (_, told, text) => {
  expect(whatText(told)).toBe(text)
})
