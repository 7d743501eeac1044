import { moment } from '@lifeboat/shared/domain/ids.ts'
import type { LedgerEntry } from '@lifeboat/shared/domain/ledger.ts'
import { describe, expect, it } from 'vitest'
import { aPlan } from '../test/paper.ts'
import { overruns } from './deadlines.ts'
import { expectedRun } from './expectations.ts'

const DUE = Date.parse('2026-09-26T02:00:00Z')
const HOUR = 3_600_000
const aRun = (over: Partial<LedgerEntry>): LedgerEntry => ({ ...expectedRun(aPlan(), DUE), ...over })
const running = aRun({ state: 'running', attempt: 2, beganAt: moment(DUE + 3 * HOUR) })

describe('overruns', () => {
  it('a run still going after its deadline is overdue, with the numbers in its reason', () => {
    const [overrun] = overruns([running], DUE + 7 * HOUR)
    expect(overrun?.reason).toBe('attempt 2 has run for 4 h; it was to end by 2026-09-26T08:15:00.000Z')
  })

  it('a run the agent handed back is overdue too: its time began with the first attempt', () => {
    expect(overruns([{ ...running, state: 'wished' }], DUE + 7 * HOUR)).toHaveLength(1)
  })

  it('a run within its time, a run nobody began and a run that ended are not overdue', () => {
    expect(overruns([running], DUE + 6 * HOUR)).toEqual([])
    const unbegun = aRun({ state: 'wished' })
    const ended = aRun({ state: 'succeeded', attempt: 1, beganAt: moment(DUE) })
    expect(overruns([unbegun, ended], DUE + 9 * HOUR)).toEqual([])
  })
})
