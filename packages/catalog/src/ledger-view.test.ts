import { moment } from '@lifeboat/shared/domain/ids.ts'
import type { LedgerEntry } from '@lifeboat/shared/domain/ledger.ts'
import { silentLogger } from '@lifeboat/shared/log/logger.ts'
import { expect, test, vi } from 'vitest'
import type { Ledger } from './ledger.ts'
import { LedgerView } from './ledger-view.ts'

const DAY = 86_400_000
const NOW = Date.parse('2026-09-26T12:00:00Z')

function aRun(daysAgo: number, state: LedgerEntry['state']): LedgerEntry {
  const dueAt = moment(NOW - daysAgo * DAY)
  const about = { sourceId: 'records', policyId: 'daily', kind: 'dump', requestedBy: 'schedule', attempt: 0 }
  return { ...about, runId: `run-${daysAgo}`, state, dueAt, lateAt: dueAt, deadlineAt: dueAt } as LedgerEntry
}

async function viewOf(
  entries: LedgerEntry[],
  signal: AbortSignal,
  later: readonly { runId: string; entry: LedgerEntry | undefined }[] = [],
  during: () => void = () => {},
): Promise<LedgerView> {
  const ledger = {
    async *watch({ caughtUp }: { caughtUp?: () => void }) {
      for (const entry of entries) {
        during()
        yield { runId: entry.runId, entry }
      }
      caughtUp?.()
      yield* later
    },
  } as unknown as Ledger
  return LedgerView.open(ledger, { clock: { now: () => NOW }, log: silentLogger, signal, keepMs: 3 * DAY })
}

test('a view keeps what is not over, what is recent, and the last success of long ago', async () => {
  const stop = new AbortController()
  const runs = [aRun(40, 'succeeded'), aRun(30, 'succeeded'), aRun(20, 'missed'), aRun(10, 'wished'), aRun(2, 'failed')]
  const view = await viewOf(runs, stop.signal)
  stop.abort()
  expect(
    view
      .byPlan()
      .get('daily.records')
      ?.map(({ runId }) => runId),
  ).toEqual(['run-30', 'run-10', 'run-2'])
})

test('a view knows at once what its owner notes or drops', async () => {
  const stop = new AbortController()
  const view = await viewOf([aRun(1, 'expected')], stop.signal)
  stop.abort()
  view.note(aRun(1, 'wished'))
  expect(view.all().map(({ state }) => state)).toEqual(['wished'])
  view.drop(aRun(1, 'wished'))
  expect(view.all()).toEqual([])
})

test('a run that another process withdrew leaves the view', async () => {
  const stop = new AbortController()
  const runs = [aRun(1, 'expected'), aRun(2, 'expected')]
  const view = await viewOf(runs, stop.signal, [{ runId: 'run-1', entry: undefined }])
  await expect.poll(() => view.all().map(({ runId }) => runId)).toEqual(['run-2'])
  stop.abort()
})

test('a ledger of years is trimmed while it is read', async () => {
  const stop = new AbortController()
  const runs = Array.from({ length: 10_000 }, (_, nth) => aRun(4 + nth, 'succeeded'))
  let most = 0
  const sizes = vi.spyOn(Map.prototype, 'set')
  const view = await viewOf(runs, stop.signal, [], () => {
    for (const result of sizes.mock.results) if (result.value instanceof Map) most = Math.max(most, result.value.size)
    sizes.mockClear()
  })
  sizes.mockRestore()
  stop.abort()
  expect(most).toBeLessThan(3000)
  expect(view.all()).toHaveLength(1)
})
