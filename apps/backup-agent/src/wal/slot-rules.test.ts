import { expect, test } from 'vitest'
import { judgeSlot, limitsTold, whereToBegin } from './slot-rules.ts'

const MIB = 1024 ** 2
const segmentBytes = 16 * MIB
const limits = { warn: 4 * MIB, giveUp: 32 * MIB }

test.each([
  ['a source nobody kept before begins with a slot', undefined, undefined, { kind: 'first' }],
  ['a slot that was made and never used is as good as none', {}, undefined, { kind: 'first' }],
  [
    'a slot whose state is forgotten goes on with the whole segment',
    { restartLsn: 0x1800000n },
    undefined,
    { kind: 'go-on', at: 0x1000000n },
  ],
  [
    'a slot goes on where the targets stand, with the whole segment',
    { restartLsn: 0x2800000n },
    0x1800000n,
    { kind: 'go-on', at: 0x1000000n },
  ],
  [
    'a slot that was dropped is no reason to forget where the targets stand',
    undefined,
    0x1800000n,
    { kind: 'new-slot', at: 0x1000000n },
  ],
  ['a slot that keeps nothing any more is made anew', {}, 0x1800000n, { kind: 'new-slot', at: 0x1000000n }],
])('%s', (_title, slot, safe, expected) => {
  expect(whereToBegin({ slot, safe, segmentBytes })).toMatchObject(expected)
})

test.each([
  ['fine', 1 * MIB, 'reserved'],
  ['fine', 5 * MIB, 'extended'],
  // Nothing is lost yet, and dropping the slot would lose it now.
  ['fine', 1 * MIB, 'unreserved'],
  ['give-up', 33 * MIB, 'extended'],
  ['invalidated', 0, 'lost'],
])('the slot is %s when it keeps %i bytes and is %s', (verdict, retainedBytes, walStatus) => {
  expect(judgeSlot({ retainedBytes, walStatus }, limits)).toMatchObject(
    verdict === 'fine' ? { verdict } : { verdict, reason: expect.stringMatching(/gave|kept back/) },
  )
})

test('a limit to give up below the one to warn does not give up without a warning', () => {
  expect(judgeSlot({ retainedBytes: 5, walStatus: 'reserved' }, { warn: 10, giveUp: 1 }).verdict).toBe('fine')
})

test.each([
  ['a server without a limit', undefined, { warnBytes: 4 * MIB, giveUpBytes: 32 * MIB }],
  ['one that keeps as much as we let it', 32 * MIB, { warnBytes: 4 * MIB, giveUpBytes: 32 * MIB }],
  ['one that gives up before we do', 10 * MIB, { warnBytes: 4 * MIB, giveUpBytes: 10 * MIB, serverGivesUp: true }],
  [
    'one that gives up before we would warn',
    3 * MIB,
    { warnBytes: 1.5 * MIB, giveUpBytes: 3 * MIB, serverGivesUp: true },
  ],
  ['one that keeps nothing', 0, { warnBytes: 1, giveUpBytes: 1, serverGivesUp: true }],
])('of %s an incident is opened before WAL is lost', (_title, serverKeeps, told) => {
  expect(limitsTold(limits, serverKeeps)).toEqual(told)
})
