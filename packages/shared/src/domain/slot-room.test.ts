import { expect, test } from 'vitest'
import { judgeRoom } from './slot-room.ts'

const GB = 1e9

test.each([
  ['far below half of the room', { kept: 1, free: 9, grew: 1 }, { verdict: 'fine' }],
  ['exactly half of it', { kept: 5, free: 5, grew: 0 }, { verdict: 'fine' }],
  [
    'more than half of it',
    { kept: 6, free: 5, grew: 0 },
    { verdict: 'tight', neededBytes: 6 * GB, roomBytes: 11 * GB },
  ],
  [
    'half of it within the next hour',
    { kept: 3, free: 7, grew: 3 },
    { verdict: 'tight', neededBytes: 6 * GB, roomBytes: 10 * GB },
  ],
  [
    'all of it within the next hour',
    { kept: 6, free: 4, grew: 4 },
    { verdict: 'short', neededBytes: 10 * GB, roomBytes: 10 * GB },
  ],
  ['a full disk', { kept: 2, free: 0, grew: 0 }, { verdict: 'short', neededBytes: 2 * GB, roomBytes: 2 * GB }],
  ['nothing on a full disk', { kept: 0, free: 0, grew: 0 }, { verdict: 'fine' }],
])('a slot that keeps %s', (_title, { kept, free, grew }, verdict) => {
  const disk = { freeBytes: free * GB, grewBytes: grew * GB }
  expect(judgeRoom({ retainedBytes: kept * GB, disk })).toEqual(verdict)
})

test('where the agent cannot see the disk nothing is claimed of it', () => {
  expect(judgeRoom({ retainedBytes: 31 * GB })).toEqual({ verdict: 'unknown' })
})
