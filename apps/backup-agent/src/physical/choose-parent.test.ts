import type { BackupRecord, Copy } from '@lifeboat/shared/domain/backup.ts'
import type { BackupId, Moment, TargetId } from '@lifeboat/shared/domain/ids.ts'
import { expect, test } from 'vitest'
import { chooseParent, type ParentQuestion } from './choose-parent.ts'

const [north, south] = ['north', 'south'] as TargetId[] as [TargetId, TargetId]
const at = '2026-11-01T00:00:00.000Z' as Moment
const FULL = '20261101T000000Z-base-aaaaaa'
const FIRST = '20261102T000000Z-incremental-bbbbbb'
const SECOND = '20261103T000000Z-incremental-cccccc'

interface Change {
  parent?: string
  chain?: number
  copies?: Partial<Record<TargetId, Copy['state']>>
  physical?: object
  record?: object
}

/** Ids tell the second only; two backups may share one. */
const startOf = (backupId: string) => backupId.replace(/^(....)(..)(..T..)(..)(..)Z.*/, '$1-$2-$3:$4:$5.000Z')

function aBackup(backupId: string, { parent, chain = 0, copies, physical, record }: Change = {}): BackupRecord {
  const states = Object.entries(copies ?? { north: 'proven', south: 'stored' })
  return {
    ...{
      backupId,
      runId: 'r',
      sourceId: 'records',
      policyId: 'p',
      agentId: 'db1',
      kind: 'base',
      startedAt: startOf(backupId),
    },
    ...{ snapshotAt: at, sealedAt: at, requiredCopies: 1 },
    physical: {
      ...{ timeline: 1, startLsn: '0/2000028', endLsn: '0/2000100', segmentBytes: 16_777_216, fromStandby: false },
      ...{ chain, checksums: { enabled: true, failures: [] }, tablespaces: [], ...(parent && { parent }), ...physical },
    },
    copies: Object.fromEntries(states.map(([target, state]) => [target, { state }])),
    ...record,
  } as unknown as BackupRecord
}

const chain = [aBackup(FULL), aBackup(SECOND, { parent: FIRST, chain: 2 }), aBackup(FIRST, { parent: FULL, chain: 1 })]

type Asked = Partial<Omit<ParentQuestion, 'server'>> & { server?: Partial<ParentQuestion['server']> }

function ask(change: Asked = {}) {
  const records = change.records ?? chain
  return chooseParent({
    ...{ targets: [north, south], maxChain: 6, kept: keptOf(records) },
    ...change,
    records,
    server: {
      ...{ systemIdentifier: '7', timeline: 1, checksums: true, summarizing: true },
      summaries: [{ timeline: 1, start: 0x1000028n, end: 0x3000000n }],
      ...change.server,
    },
  })
}

function keptOf(records: readonly BackupRecord[]) {
  return new Map(records.map(({ backupId }) => [backupId, { systemIdentifier: '7' }]))
}

const without = (...ids: string[]) => chain.filter(({ backupId }) => !ids.includes(backupId))
const range = (start: bigint, end: bigint, timeline = 1) => ({ timeline, start, end })

test('an incremental builds on the newest good backup, be it full or incremental', () => {
  expect(ask()).toEqual({ parent: chain[1], chain: [FULL, FIRST, SECOND] })
  expect(ask({ records: without(FIRST, SECOND) })).toEqual({ parent: chain[0], chain: [FULL] })
})

test('an attempt that failed or still runs is passed over, as are dumps', () => {
  const running = aBackup('20261104T000000Z-incremental-dddddd', { record: { sealedAt: undefined } })
  const dump = aBackup('20261105T000000Z-dump-eeeeee', { record: { physical: undefined } })
  expect(ask({ records: [...chain, running, dump] })).toMatchObject({ parent: { backupId: SECOND } })
})

test('one that is on its way to the targets serves only where none has arrived', () => {
  const underWay = { copies: { [north]: 'expected', [south]: 'expected' } as const }
  const arriving = aBackup(SECOND, { parent: FIRST, chain: 2, ...underWay })
  expect(ask({ records: [...without(SECOND), arriving] })).toMatchObject({ parent: { backupId: FIRST } })
  expect(ask({ records: [aBackup(FULL, underWay)] })).toMatchObject({ parent: { backupId: FULL } })
})

test('of two backups of one second the later is the newer', () => {
  const [earlier, later] = ['20261104T000000Z-base-zzzzzz', '20261104T000000Z-base-aaaaaa'] as const
  const pair = [
    aBackup(later, { record: { startedAt: '2026-11-04T00:00:00.900Z' } }),
    aBackup(earlier, { record: { startedAt: '2026-11-04T00:00:00.100Z' } }),
  ]
  expect(ask({ records: [...chain, ...pair] })).toMatchObject({ parent: { backupId: later } })
})

test('a backup that went to fewer targets is passed over', () => {
  const elsewhere = aBackup(SECOND, { copies: { [north]: 'proven' } })
  expect(ask({ records: [...without(SECOND), elsewhere] })).toMatchObject({ parent: { backupId: FIRST } })
  expect(ask({ records: [...without(SECOND), elsewhere], targets: [north] })).toMatchObject({
    parent: { backupId: SECOND },
  })
})

const disproven = { copies: { [north]: 'disproven', [south]: 'proven' } as const }
const manifests = (...ids: string[]) => new Map(ids.map((id) => [id as BackupId, { systemIdentifier: '7' }]))

test.each<[string, Asked, string]>([
  ['nothing is known', { records: [] }, 'no earlier backup of this cluster is known'],
  [
    'none went to all the targets',
    { targets: [north, 'west' as TargetId] },
    'no earlier backup went to all of north, west',
  ],
  [
    'the parent was disproven',
    { records: [...without(SECOND), aBackup(SECOND, { parent: FIRST, chain: 2, ...disproven })] },
    `a drill disproved ${SECOND} at north`,
  ],
  [
    'a link of the chain was disproven',
    { records: [...without(FULL), aBackup(FULL, disproven)] },
    `a drill disproved ${FULL} at north`,
  ],
  [
    'a target refused a link of the chain',
    { records: [...without(FULL), aBackup(FULL, { copies: { [north]: 'refused', [south]: 'stored' } })] },
    `north refused ${FULL}`,
  ],
  [
    'a link never went to one of the targets',
    { records: [...without(FULL), aBackup(FULL, { copies: { [south]: 'stored' } })] },
    `${FULL} did not go to north`,
  ],
  ['the parent is gone', { records: without(FIRST) }, `${FIRST}, on which ${SECOND} builds, is gone`],
  [
    'a chain leads back to itself',
    { records: [aBackup(FIRST, { parent: FIRST, chain: 1 })] },
    `${FIRST}, on which ${FIRST} builds, is gone`,
  ],
  [
    'the manifest of the parent is missing',
    { kept: manifests(FULL, FIRST) },
    `the manifest of ${SECOND} is not in the spool of this agent`,
  ],
  [
    'another cluster answers under the name',
    { server: { systemIdentifier: '8' } },
    `${SECOND} is of another cluster: 7, and the server says 8`,
  ],
  ['the timeline changed', { server: { timeline: 2 } }, `the timeline changed from 1 to 2 since ${SECOND}`],
  ['checksums were switched', { server: { checksums: false } }, `data checksums were switched off since ${SECOND}`],
  ['the chain is long enough', { maxChain: 2 }, '2 incrementals in a row are as many as the policy wants'],
  ['summaries are off', { server: { summarizing: false } }, 'summarize_wal is off on the server'],
  [
    'summaries begin too late',
    { server: { summaries: [range(0x2000100n, 0x3000000n)] } },
    `WAL summaries since ${SECOND} are missing`,
  ],
  [
    'summaries have a hole',
    { server: { summaries: [range(0x2800000n, 0x3000000n), range(0x1000000n, 0x2400000n)] } },
    `WAL summaries since ${SECOND} are missing`,
  ],
])('a full backup is taken because %s', (_title, change, fullBecause) => {
  expect(ask(change)).toEqual({ fullBecause })
})

test('summaries that overlap, are of other timelines or are not written yet do no harm', () => {
  const overlapping = [range(0x1000000n, 0x2500000n), range(0x2400000n, 0x3000000n), range(0x2900000n, 0x3000000n, 2)]
  for (const summaries of [overlapping, [], [range(0x1000000n, 0x1500000n)]])
    expect(ask({ server: { summaries } })).toMatchObject({ parent: { backupId: SECOND } })
})
