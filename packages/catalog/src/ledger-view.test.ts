import { moment } from '@lifeboat/shared/domain/ids.ts'
import type { LedgerEntry } from '@lifeboat/shared/domain/ledger.ts'
import { silentLogger } from '@lifeboat/shared/log/logger.ts'
import { expect, test } from 'vitest'
import type { Ledger } from './ledger.ts'
import { LedgerView } from './ledger-view.ts'

const DAY = 86_400_000
const NOW = Date.parse('2026-09-26T12:00:00Z')

function aRun(daysAgo: number, state: LedgerEntry['state']): LedgerEntry {
  const dueAt = moment(NOW - daysAgo * DAY)
  const about = { sourceId: 'records', policyId: 'daily', kind: 'dump', requestedBy: 'schedule', attempt: 0 }
  return { ...about, runId: `run-${daysAgo}`, state, dueAt, lateAt: dueAt, deadlineAt: dueAt } as LedgerEntry
}

async function viewOf(entries: LedgerEntry[], signal: AbortSignal): Promise<LedgerView> {
  const ledger = {
    async *watch({ caughtUp }: { caughtUp?: () => void }) {
      yield* entries
      caughtUp?.()
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
