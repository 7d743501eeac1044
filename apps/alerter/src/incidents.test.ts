import { moment } from '@lifeboat/shared/domain/ids.ts'
import type { Incident } from '@lifeboat/shared/domain/incident.ts'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { anIncident, at } from '../test/builders.ts'
import { type Change, settle } from './incidents.ts'
import type { Finding, Judgement } from './world.ts'

const HOUR = 3_600_000
const { cause, rule, severity, title, details, hint } = anIncident()
const finding: Finding = { cause, rule, severity, title, details, hint }

function ask(over: { incidents?: Incident[]; judgements?: Judgement[]; unsent?: string[]; now?: string }): string[] {
  const { incidents = [], judgements = [finding], unsent = [], now = '26T02:16' } = over
  const changes = settle({ incidents, judgements, unsent: new Set(unsent), nowMs: at(now), repeatMs: 4 * HOUR })
  return changes.map(describeChange)
}

function describeChange(change: Change): string {
  const how =
    change.do === 'notify' ? ` (${change.kind})` : change.do === 'resolve' && change.silently ? ' (silently)' : ''
  return `${change.do}${how} ${change.incident.cause}, told ${change.incident.notifications}: ${change.reason}`
}

const told = anIncident({ notifications: 1, lastNotifiedAt: moment(at('26T02:16')) })

describe('settle', () => {
  it('decides as the golden file says', async () => {
    const decided = {
      'a cause comes up': ask({}),
      'it is open and nobody was told': ask({ incidents: [anIncident()] }),
      'it was told and is still so': ask({ incidents: [told], now: '26T06:15' }),
      'it is told again after four hours': ask({ incidents: [told], now: '26T06:16' }),
      'it is not told again while the last notice still waits': ask({
        incidents: [told],
        now: '26T09:00',
        unsent: [cause],
      }),
      'it becomes critical': ask({ incidents: [{ ...told, severity: 'warning' }], now: '26T02:20' }),
      'more is known': ask({ incidents: [{ ...told, details: ['less'] }], now: '26T02:20' }),
      'its cause is gone': ask({ incidents: [told], judgements: [], now: '26T02:20' }),
      'its cause is gone before anybody was told': ask({ incidents: [anIncident()], judgements: [], now: '26T02:20' }),
      'nobody can tell at the moment': ask({
        incidents: [told],
        judgements: [{ cause, unknown: true }],
        now: '26T09:00',
      }),
      'it comes up again after it was resolved': ask({ incidents: [{ ...told, state: 'resolved' }], now: '27T02:16' }),
      'the clock went back a little': ask({ incidents: [told], now: '26T01:00' }),
      'the clock stood far ahead when it was told': ask({ incidents: [told], now: '25T02:00' }),
    }
    await expect(`${JSON.stringify(decided, null, 2)}\n`).toMatchFileSnapshot('../test/golden/incidents.golden.json')
  })

  it('whatever comes and goes: told once when it opens, once when it ends, never in between before its time', () => {
    const step = fc.record({ minutes: fc.integer({ min: 1, max: 90 }), so: fc.constantFrom(true, false, 'unknown') })
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        let incident: Incident | undefined
        let nowMs = at('01T00:00')
        const mails: { kind: string; atMs: number; openedAt: string }[] = []
        for (const { minutes, so } of steps) {
          nowMs += minutes * 60_000
          const judgements: Judgement[] = so === true ? [finding] : so === 'unknown' ? [{ cause, unknown: true }] : []
          for (let round = 0; ; round += 1) {
            const incidents = incident ? [incident] : []
            const [change] = settle({ incidents, judgements, unsent: new Set(), nowMs, repeatMs: 4 * HOUR })
            if (change === undefined) break
            expect(round).toBeLessThan(3)
            incident = change.incident
            const { openedAt } = incident
            if (change.do === 'notify') mails.push({ kind: change.kind, atMs: nowMs, openedAt })
            if (change.do === 'resolve' && !change.silently) mails.push({ kind: 'resolved', atMs: nowMs, openedAt })
          }
        }
        for (const [openedAt, series] of Object.entries(Object.groupBy(mails, (mail) => mail.openedAt))) {
          const kinds = series?.map((mail) => mail.kind) ?? []
          expect(kinds[0], openedAt).toBe('opened')
          expect(kinds.slice(1, -1).every((kind) => kind === 'repeated')).toBe(true)
          const open = series?.filter((mail) => mail.kind !== 'resolved') ?? []
          open.slice(1).forEach((mail, before) => {
            expect(mail.atMs - (open[before]?.atMs ?? 0)).toBeGreaterThanOrEqual(4 * HOUR)
          })
        }
      }),
      { numRuns: 200 },
    )
  })
})
