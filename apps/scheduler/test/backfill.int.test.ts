import { CopyRemakeRequested } from '@lifeboat/shared/bus/messages/audit.ts'
import { WalRefillRequested } from '@lifeboat/shared/bus/messages/wal.ts'
import { moment, type SourceId, type TargetId } from '@lifeboat/shared/domain/ids.ts'
import type { WalState } from '@lifeboat/shared/domain/wal.ts'
import { until } from '@lifeboat/testkit/eventually.ts'
import { smallCopy } from '@lifeboat/testkit/small-copy.ts'
import { expect, test } from 'vitest'
import { BackfillRounds } from '../src/backfill.ts'
import { aMoment, schedulerWorld } from './scheduler-world.ts'

const HOUR = 3_600_000
const NOW = '2026-09-26T12:00:00.000Z'
const [AWS, NEW] = ['aws', 'new'] as unknown as [TargetId, TargetId]

test('a target that was added later is asked for a few copies at a time, base first, and its WAL from there on, until nothing is owed', async () => {
  await using world = await schedulerWorld(NOW)
  const spread = { targetsOf: () => [AWS, NEW], walTargetsOf: () => [AWS, NEW] }
  const deps = await world.scheduler([], { spread })
  const base = smallCopy({ targets: ['aws'], atMs: world.clock.now() - 48 * HOUR })
  const children = [9, 8, 7, 6, 5].map((hours) =>
    smallCopy({ targets: ['aws'], atMs: world.clock.now() - hours * HOUR, parent: base.backupId }),
  )
  for (const { sealed, stored } of [base, ...children]) {
    await deps.catalog.apply({ subject: 'backup.sealed', data: sealed })
    await deps.catalog.apply({ subject: 'copy.stored', data: stored('aws') })
  }
  const there = { lsn: '0/9000000', at: moment(world.clock.now()) }
  const state = {
    sourceId: 'records',
    agentId: 'db1',
    systemIdentifier: '7',
    segmentBytes: 1 << 24,
    status: 'streaming',
  }
  const more = { at: there.at, timeline: 1, serverLsn: there.lsn, receivedLsn: there.lsn, safe: there, targets: {} }
  const slot = { name: 'lifeboat_records', retainedBytes: 0, warnBytes: 1, giveUpBytes: 2 }
  await deps.wal.put('records', { ...state, ...more, slot } as unknown as WalState)
  const [wishes, refills] = [await world.collect(CopyRemakeRequested), await world.collect(WalRefillRequested)]

  const rounds = new BackfillRounds(deps)
  await rounds.round()
  // Another scheduler that does the same at the same time asks for the same.
  await new BackfillRounds(deps).round()
  await until(
    () => [wishes.length, refills.length],
    ([copies, wal]) => copies === 4 && wal === 1,
  )
  await aMoment()
  expect(wishes.map(({ backupId }) => backupId)).toEqual([
    base.backupId,
    ...[4, 3, 2].map((no) => children[no]?.backupId),
  ])
  expect(wishes[0]).toMatchObject({ targetId: 'new', reason: expect.stringMatching(/^added later, and would stay/) })
  expect(refills).toMatchObject([{ targetId: 'new', targets: ['aws', 'new'], from: '0/1000000' }])

  for (const { backupId } of wishes.slice(0, 3)) {
    const about = { sourceId: 'records' as SourceId, backupId, targetId: NEW, from: [AWS], reason: 'added later' }
    const remadeAt = moment(world.clock.now())
    await deps.catalog.apply({ subject: 'copy.remade', data: { ...about, remadeAt, objects: 4, bytes: 1 } })
  }
  world.clock.forward(5 * 60_000)
  await rounds.round()
  await until(
    () => wishes.length,
    (count) => count === 6,
  )
  expect(new Set(wishes.map(({ backupId }) => backupId)).size).toBe(6)
})

test('a target is asked for four copies in all, whatever the sources, and those that come to nothing make room for the others', async () => {
  await using world = await schedulerWorld(NOW)
  const deps = await world.scheduler([], { spread: { targetsOf: () => [AWS, NEW], walTargetsOf: () => [] } })
  const copies = ['letters', 'records'].flatMap((sourceId) =>
    [6, 5, 4].map((hours) => smallCopy({ targets: ['aws'], sourceId, atMs: world.clock.now() - hours * HOUR })),
  )
  for (const { sealed, stored } of copies) {
    await deps.catalog.apply({ subject: 'backup.sealed', data: sealed })
    await deps.catalog.apply({ subject: 'copy.stored', data: stored('aws') })
  }
  const wishes = await world.collect(CopyRemakeRequested)
  const rounds = new BackfillRounds(deps)
  await rounds.round()
  await until(
    () => wishes.length,
    (count) => count === 4,
  )
  world.clock.forward(5 * 60_000)
  await rounds.round()
  await aMoment()
  expect(wishes).toHaveLength(4)
  // None of the four was made: after six hours the other two are asked for first.
  world.clock.forward(7 * HOUR)
  await rounds.round()
  await until(
    () => new Set(wishes.map(({ backupId }) => backupId)).size,
    (different) => different === copies.length,
  )
})
