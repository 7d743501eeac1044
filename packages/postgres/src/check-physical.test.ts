import { expect, test } from 'vitest'
import { walDiskFinding } from './check-physical.ts'

const GIB = 1024 ** 3
const LIMITS = { warn: 4 * GIB, giveUp: 32 * GIB }

test.each<[string, number | string, number | null, string, string]>([
  ['has more room', 33, null, 'fine', '35.4 GB are free on the disk of pg_wal, more than retained.giveUp (34.4 GB)'],
  ['has just that', 32, null, 'note', 'the disk is full before the slot is given up'],
  ['has less, and the server gives up before', 20, 16, 'fine', 'more than max_slot_wal_keep_size (17.2 GB)'],
  ['has less than where the server gives up', 8, 16, 'note', 'no more than max_slot_wal_keep_size (17.2 GB)'],
  ['cannot be seen', 'no such host', null, 'note', 'is unknown here: no such host'],
])('a disk of pg_wal that %s', (_title, found, serverKeeps, state, says) => {
  const disk = typeof found === 'string' ? { unknown: found } : { freeBytes: found * GIB }
  const finding = walDiskFinding(disk, LIMITS, { slotKeeps: serverKeeps === null ? null : serverKeeps * GIB })
  expect(finding).toMatchObject({ check: 'wal-disk', state, message: expect.stringContaining(says) })
})
