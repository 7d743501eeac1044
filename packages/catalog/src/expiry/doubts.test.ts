import { expect, test } from 'vitest'
import { doubtsAbout } from './doubts.ts'
import type { Candidate } from './question.ts'

const NOW = Date.UTC(2026, 8, 26)
const DAY = 86_400_000

function doubts(...daysAgo: number[]): string[] {
  const backups = daysAgo.map(
    (days): Candidate =>
      ({ backupId: `d${days}`, sealed: true, atMs: NOW - days * DAY, needs: [], copies: [] }) as unknown as Candidate,
  )
  return doubtsAbout({ backups, nowMs: NOW } as never)
}

test('backups that come seldom are old for longer: three times the pause between the newest two', () => {
  expect(doubts(140, 90)).toEqual([])
  expect(doubts(140, 100)).toEqual([])
  expect(doubts(131, 100)).toEqual(['the newest backup is 100 d old: either backups stopped or the clock jumped'])
})

test('a single backup, and those that come often, are believed for 35 days', () => {
  expect([doubts(35), doubts(36, 35)]).toEqual([[], []])
  expect(doubts(36)).toHaveLength(1)
  expect(doubts(37, 36)).toHaveLength(1)
})
