import { moment, type RunId } from '@lifeboat/shared/domain/ids.ts'
import type { LedgerEntry } from '@lifeboat/shared/domain/ledger.ts'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { aPlan, PaperLedger } from '../test/paper.ts'
import { due } from './due.ts'
import { expectedRun } from './expectations.ts'
import type { Plan } from './plans.ts'

const HOUR = 3_600_000
const at = (text: string) => Date.parse(`2026-09-${text}:00.000Z`)

/** A run of the plan as the ledger has it: `run(plan, '26T02:00', { state: 'running', beganAt: '26T02:01' })`. */
function run(plan: Plan, time: string, over: Partial<Record<keyof LedgerEntry, unknown>> = {}): LedgerEntry {
  const times = Object.fromEntries(
    Object.entries(over).map(([name, value]) => [
      name,
      /^\d\dT/.test(String(value)) ? moment(at(String(value))) : value,
    ]),
  )
  return { ...expectedRun(plan, at(time)), ...times } as LedgerEntry
}

interface Case {
  plan: Plan
  now: string
  runs: LedgerEntry[]
  aheadMs?: number
}

const nightly = aPlan()
const hourly = (over: Partial<Record<keyof Plan, unknown>> = {}) =>
  aPlan({ policyId: 'hourly', cron: '0 * * * *', ...over })
const begun = { state: 'running', attempt: 1 }

const CASES: Record<string, Case> = {
  'a new plan is written down for the next day and nothing is asked for yet': {
    plan: nightly,
    now: '26T12:00',
    runs: [],
    aheadMs: 24 * HOUR,
  },
  'the ledger is continued where it ends': {
    plan: hourly(),
    now: '26T01:30',
    runs: [run(hourly(), '26T02:00'), run(hourly(), '26T03:00')],
    aheadMs: 3 * HOUR,
  },
  'after two days without a scheduler every run of the time between is written down': {
    plan: nightly,
    now: '28T12:00',
    runs: [run(nightly, '25T02:00', { state: 'succeeded', attempt: 1 })],
    aheadMs: 24 * HOUR,
  },
  'a changed schedule withdraws what was only planned and fills no past': {
    plan: aPlan({ cron: '0 5 * * *' }),
    now: '26T12:00',
    runs: [run(nightly, '26T02:00', { state: 'succeeded', attempt: 1 }), run(nightly, '27T02:00')],
    aheadMs: 24 * HOUR,
  },
  'a run whose policy is gone is withdrawn, and one already wished is missed when its time is up': {
    plan: aPlan({ policyId: 'other' }),
    now: '26T12:00',
    runs: [run(nightly, '27T02:00'), run(nightly, '26T02:00', { state: 'wished' })],
  },
  'an operator’s wish that no agent took within its time is missed, and not caught up': {
    plan: nightly,
    now: '26T12:00',
    runs: [run(nightly, '26T03:00', { state: 'wished', requestedBy: 'operator', deadlineAt: '26T11:59' })],
  },
  'a run is asked for when it is due': { plan: nightly, now: '26T02:00', runs: [run(nightly, '26T02:00')] },
  'a run is not asked for a minute early': { plan: nightly, now: '26T01:59', runs: [run(nightly, '26T02:00')] },
  'a run that waits on the bus within its time is left alone': {
    plan: nightly,
    now: '26T07:00',
    runs: [run(nightly, '26T02:00', { state: 'wished' })],
  },
  'overlap skip: a run due while the one before still runs is skipped': {
    plan: hourly(),
    now: '26T03:00',
    runs: [run(hourly(), '26T02:00', { ...begun, beganAt: '26T02:01' }), run(hourly(), '26T03:00')],
  },
  'overlap skip: an operator’s run of the same policy counts too': {
    plan: hourly(),
    now: '26T03:00',
    runs: [
      run(hourly(), '26T02:40', {
        ...begun,
        beganAt: '26T02:40',
        requestedBy: 'operator',
        runId: 'hourly.records.20260926T024000Z-abc123',
      }),
      run(hourly(), '26T03:00'),
    ],
  },
  'overlap queue: a run due while the one before still runs waits for it': {
    plan: hourly({ overlap: 'queue' }),
    now: '26T03:30',
    runs: [run(hourly(), '26T02:00', { ...begun, beganAt: '26T02:01' }), run(hourly(), '26T03:00')],
  },
  'overlap queue: a run that waited is asked for long after its grace, with its full time': {
    plan: hourly({ overlap: 'queue' }),
    now: '26T05:30',
    runs: [
      run(hourly(), '26T02:00', { state: 'succeeded', attempt: 1, beganAt: '26T02:01', endedAt: '26T05:29' }),
      run(hourly(), '26T03:00'),
      run(hourly(), '26T04:00'),
    ],
  },
  'a run the agent handed back counts as running': {
    plan: hourly(),
    now: '26T03:00',
    runs: [run(hourly(), '26T02:00', { state: 'wished', attempt: 1, beganAt: '26T02:01' }), run(hourly(), '26T03:00')],
  },
  'a wish no agent took gives way to the next run': {
    plan: hourly(),
    now: '26T03:00',
    runs: [run(hourly(), '26T02:00', { state: 'wished' }), run(hourly(), '26T03:00')],
  },
  'a wish no agent took by its deadline is missed': {
    plan: nightly,
    now: '26T08:16',
    runs: [run(nightly, '26T02:00', { state: 'wished' })],
  },
  'a missed run with nothing due since is caught up at once, with its full time': {
    plan: nightly,
    now: '26T09:00',
    runs: [
      run(nightly, '26T02:00', { state: 'missed', reason: 'no scheduler started it by 2026-09-26T02:15:00.000Z' }),
    ],
  },
  'catch-up latest: of three runs without a scheduler all are missed first': {
    plan: hourly(),
    now: '26T04:30',
    runs: [run(hourly(), '26T02:00'), run(hourly(), '26T03:00'), run(hourly(), '26T04:00')],
  },
  'catch-up latest: of three missed runs the last is asked for': {
    plan: hourly(),
    now: '26T04:30',
    runs: ['26T02:00', '26T03:00', '26T04:00'].map((time) => run(hourly(), time, { state: 'missed', reason: 'away' })),
  },
  'catch-up all: of three missed runs the first is asked for and the others wait': {
    plan: hourly({ catchUp: 'all' }),
    now: '26T04:30',
    runs: ['26T02:00', '26T03:00', '26T04:00'].map((time) => run(hourly(), time, { state: 'missed', reason: 'away' })),
  },
  'catch-up none: missed runs stay missed and a new one is asked for': {
    plan: hourly({ catchUp: 'none' }),
    now: '26T04:00',
    runs: [run(hourly(), '26T02:00', { state: 'missed' }), run(hourly(), '26T03:00'), run(hourly(), '26T04:00')],
  },
  'catch-up latest: a missed run is not caught up when an operator has taken a backup since': {
    plan: nightly,
    now: '26T09:00',
    runs: [
      run(nightly, '26T02:00', { state: 'missed' }),
      run(nightly, '26T08:00', {
        state: 'succeeded',
        attempt: 1,
        requestedBy: 'operator',
        runId: 'daily.records.20260926T080000Z-abc123',
      }),
    ],
  },
  'a failed run is not asked for again': {
    plan: nightly,
    now: '26T09:00',
    runs: [run(nightly, '26T02:00', { state: 'failed', attempt: 3, beganAt: '26T02:01', endedAt: '26T02:30' })],
  },
  'jitter moves a run, not its name': {
    plan: aPlan({ jitterMs: HOUR }),
    now: '26T12:00',
    runs: [],
    aheadMs: 24 * HOUR,
  },
}

describe('due', () => {
  it('decides as the golden file says', async () => {
    const decided = Object.fromEntries(
      Object.entries(CASES).map(([title, { plan, now, runs, aheadMs = 0 }]) => {
        const decisions = due({ plans: [plan], runs, nowMs: at(now), aheadMs })
        return [
          title,
          { now, runs: runs.map((entry) => `${entry.runId} ${entry.state}`), decisions: decisions.map(short) },
        ]
      }),
    )
    await expect(`${JSON.stringify(decided, null, 2)}\n`).toMatchFileSnapshot('../test/golden/due.golden.json')
  })

  it('after a downtime settles on one wish, with every missed run on record', () => {
    const ledger = new PaperLedger()
    ledger.settle([hourly()], at('26T00:30'))
    ledger.settle([hourly()], at('26T04:30'))
    expect(ledger.wishes).toEqual(['hourly.records.20260926T040000Z'])
    expect(ledger.all().filter((entry) => entry.state === 'missed')).toHaveLength(3)
  })

  it('a clock that steps back runs nothing twice and loses nothing', () => {
    const ledger = new PaperLedger()
    const plans = [hourly()]
    for (const now of [
      '26T00:30',
      '26T01:00',
      '26T02:00',
      '25T23:10',
      '26T00:00',
      '26T01:00',
      '26T02:00',
      '26T03:00',
    ]) {
      ledger.settle(plans, at(now))
      for (const { runId } of ledger.all().filter((entry) => entry.state === 'wished')) {
        ledger.begin(runId, at(now))
        ledger.apply(runId, 'succeed', { endedAt: moment(at(now)) })
      }
    }
    // The step back reached midnight, which the plan had not seen yet: it is planned and run like any other.
    expect(ledger.wishes.map((id) => id.slice(-7, -3))).toEqual(['0100', '0200', '0000', '0300'])
    expect(new Set(ledger.wishes).size).toBe(ledger.wishes.length)
  })

  it('a clock that steps back asks for no older run beside the one that is asked for', () => {
    const ledger = new PaperLedger()
    const plan = aPlan({ cron: '*/30 * * * *', graceMs: 60_000, maxDurationMs: 30 * 60_000 })
    for (const now of ['26T00:01', '26T01:00', '26T00:59']) ledger.settle([plan], at(now))
    const going = ledger.all().filter(({ state }) => state === 'wished')
    expect(going.map(({ dueAt }) => dueAt)).toEqual([moment(at('26T01:00'))])
  })

  it('an agent that stays away costs one wish per period and leaves every other run with a reason', () => {
    const ledger = new PaperLedger()
    for (let hour = 0; hour < 48; hour += 1) ledger.settle([hourly()], at('26T00:00') + hour * HOUR)
    const past = ledger.all().filter((entry) => Date.parse(entry.dueAt) <= at('27T23:00'))
    expect(past.filter((entry) => entry.state === 'wished')).toHaveLength(1)
    expect(past.filter((entry) => entry.state === 'skipped').every((entry) => entry.reason !== undefined)).toBe(true)
    expect(past.filter((entry) => entry.state === 'skipped')).toHaveLength(past.length - 1)
  })

  it('a weekly run whose agent was away for a day is still taken', () => {
    const weekly = aPlan({ cron: '0 2 * * 0' })
    const ledger = new PaperLedger()
    for (let hour = 0; hour < 40; hour += 1) ledger.settle([weekly], at('26T12:00') + hour * HOUR)
    const [entry] = ledger.all().filter((candidate) => candidate.runId.endsWith('20260927T020000Z'))
    expect(entry?.state).toBe('wished')
    expect(Date.parse(entry?.deadlineAt ?? '')).toBeGreaterThan(at('28T03:00'))
  })
})

describe('whatever happens', () => {
  const plans = fc.record({
    cron: fc.constantFrom('*/30 * * * *', '0 * * * *', '0 */5 * * *'),
    catchUp: fc.constantFrom('latest', 'all', 'none'),
    overlap: fc.constantFrom('skip', 'queue'),
    jitterMs: fc.constantFrom(0, 5 * 60_000),
    graceMs: fc.constantFrom(60_000, 15 * 60_000),
    maxDurationMs: fc.constantFrom(30 * 60_000, 3 * HOUR),
  })
  const step = fc.record({
    minutes: fc.oneof({ weight: 8, arbitrary: fc.integer({ min: 1, max: 40 }) }, fc.integer({ min: -90, max: 2000 })),
    schedulerUp: fc.boolean(),
    agent: fc.constantFrom('away', 'begins', 'begins', 'succeeds', 'succeeds', 'fails', 'hands back'),
  })

  function play(plan: Plan, steps: readonly { minutes: number; schedulerUp: boolean; agent: string }[]) {
    const ledger = new PaperLedger()
    let nowMs = at('20T00:00')
    for (const { minutes, schedulerUp, agent } of steps) {
      nowMs += minutes * 60_000
      if (schedulerUp) ledger.settle([plan], nowMs)
      for (const { runId, state, attempt } of ledger.all()) {
        if (agent === 'away') break
        if (state === 'wished' && ledger.begin(runId, nowMs) && attempt > 0 && agent !== 'hands back') continue
        if (state !== 'running') continue
        if (agent === 'succeeds') ledger.apply(runId, 'succeed', { endedAt: moment(nowMs) })
        if (agent === 'fails') ledger.apply(runId, 'fail', { endedAt: moment(nowMs) })
        if (agent === 'hands back') ledger.apply(runId, 'retry')
      }
    }
    return { ledger, nowMs }
  }

  it('no run is asked for again once an agent has begun it, and never twice without being missed between', () => {
    fc.assert(
      fc.property(plans, fc.array(step, { maxLength: 25 }), (over, steps) => {
        const plan = aPlan(over)
        const ledger = new PaperLedger()
        let nowMs = at('20T00:00')
        for (const { minutes, schedulerUp, agent } of steps) {
          nowMs += minutes * 60_000
          const before = new Map(ledger.entries)
          const done = schedulerUp ? ledger.settle([plan], nowMs) : []
          const missed = new Set<RunId>([...before.values()].filter((e) => e.state === 'missed').map((e) => e.runId))
          for (const decision of done) {
            if (decision.do === 'miss') missed.add(decision.runId)
            if (decision.do !== 'wish') continue
            const old = before.get(decision.runId)
            expect(old?.attempt ?? 0).toBe(0)
            expect(old === undefined || old.state === 'expected' || missed.has(decision.runId)).toBe(true)
            missed.delete(decision.runId)
          }
          for (const { runId, state } of agent === 'away' ? [] : ledger.all()) {
            if (state === 'wished') ledger.begin(runId, nowMs)
            if (state === 'running' && agent === 'succeeds') ledger.apply(runId, 'succeed', { endedAt: moment(nowMs) })
          }
        }
      }),
      { numRuns: 80 },
    )
  }, 120_000)

  it('never are two runs of one policy going on when the overlap rule forbids it', () => {
    fc.assert(
      fc.property(plans, fc.array(step, { maxLength: 25 }), (over, steps) => {
        const { ledger } = play(aPlan(over), steps)
        const going = ledger.all().filter((entry) => entry.state === 'running' || entry.state === 'wished')
        expect(going.length).toBeLessThanOrEqual(1)
      }),
      { numRuns: 80 },
    )
  }, 120_000)

  it('with scheduler and agent back, every run whose time has passed ends in one terminal state', () => {
    fc.assert(
      fc.property(plans, fc.array(step, { maxLength: 20 }), (over, steps) => {
        const plan = aPlan(over)
        const { ledger, nowMs } = play(plan, steps)
        const end = Math.max(nowMs, ...ledger.all().map((entry) => Date.parse(entry.deadlineAt)))
        let clockMs = end
        for (let round = 0; round < 2000; round += 1) {
          ledger.settle([plan], clockMs, 0)
          const going = ledger.all().filter((entry) => entry.state === 'wished' || entry.state === 'running')
          if (going.length === 0) break
          for (const { runId, state } of going) {
            if (state === 'wished') ledger.begin(runId, clockMs)
            ledger.apply(runId, 'succeed', { endedAt: moment(clockMs) })
          }
          clockMs += 1000
        }
        const open = ledger.all().filter((entry) => Date.parse(entry.dueAt) <= end)
        const terminal = ['succeeded', 'failed', 'skipped', 'missed', 'overdue']
        expect(open.filter((entry) => !terminal.includes(entry.state)).map((e) => `${e.runId} ${e.state}`)).toEqual([])
      }),
      { numRuns: 40 },
    )
  }, 30_000)
})

function short(decision: ReturnType<typeof due>[number]): object {
  if (decision.do !== 'expect') {
    const { reason, do: verb, runId } = decision
    const until = decision.do === 'wish' ? ` until ${moment(decision.deadlineMs)}` : ''
    return { [`${verb} ${runId}${until}`]: reason }
  }
  const { runId, dueAt, lateAt, deadlineAt } = decision.entry
  return { [`expect ${runId}`]: `due ${dueAt}, late ${lateAt}, deadline ${deadlineAt}; ${decision.reason}` }
}
