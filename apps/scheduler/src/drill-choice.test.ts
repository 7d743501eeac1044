import type { BackupId, PolicyId, RunId, SourceId, TargetId } from '@lifeboat/shared/domain/ids.ts'
import { moment } from '@lifeboat/shared/domain/ids.ts'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { chooseDrills, type DrillQuestion } from './drill-choice.ts'
import type { DrillNote } from './drill-notes.ts'

const TARGETS = ['alpha', 'beta', 'gamma'] as TargetId[]
const NOW = Date.parse('2026-09-26T12:00:00Z')
const MINUTE = 60_000
const backup = (day: number) => `202609${String(day).padStart(2, '0')}T020000Z-dump-aaaaaa` as BackupId

function note(day: number, targetId: string, over: Partial<DrillNote> = {}): DrillNote {
  return {
    runId: `drill.${day}.${targetId}` as RunId,
    backupId: backup(day),
    sourceId: 'records' as SourceId,
    policyId: 'daily' as PolicyId,
    targetId: targetId as TargetId,
    askedAt: moment(NOW - MINUTE),
    reason: 'its turn',
    ...over,
  }
}

function ask(over: Partial<DrillQuestion>): string[] {
  const question: DrillQuestion = {
    backupId: backup(26),
    mode: 'rotate',
    targets: TARGETS,
    stored: TARGETS,
    sealedMs: NOW - 10 * MINUTE,
    notes: [],
    nowMs: NOW,
    ...over,
  }
  return chooseDrills(question).map(
    ({ targetId, runId, occasion, reason }) => `${targetId} (${runId ?? occasion}): ${reason}`,
  )
}

describe('chooseDrills', () => {
  it('decides as the golden file says', async () => {
    const ended = { finishedAt: moment(NOW - 31 * MINUTE), verdict: 'inconclusive' as const }
    const decided = {
      'the first backup is drilled from the first target': ask({}),
      'the next backups are drilled from the targets by turns': [25, 24, 23].map((day) =>
        ask({
          notes: [note(23, 'alpha'), note(24, 'beta'), note(25, 'gamma')].filter((n) => n.backupId <= backup(day)),
        }),
      ),
      'a target that has just been added is next': ask({ notes: [note(24, 'alpha'), note(25, 'beta')] }),
      'the target whose turn it is has not got its copy yet: it is waited for': ask({ stored: TARGETS.slice(1) }),
      'after an hour another target takes its place': ask({ stored: TARGETS.slice(1), sealedMs: NOW - 61 * MINUTE }),
      'the copy that came late is drilled as well': ask({ notes: [note(26, 'beta')] }),
      'the target that took its place keeps its own turn': ask({
        backupId: backup(27),
        notes: [note(26, 'beta'), note(26, 'alpha')],
      }),
      'a copy that came late out of turn is not drilled': ask({ notes: [note(26, 'alpha')] }),
      'nothing is stored yet': ask({ stored: [], sealedMs: NOW - 600 * MINUTE }),
      'each: every copy that is stored': ask({ mode: 'each', stored: TARGETS.slice(0, 2) }),
      'each: a copy stored late': ask({ mode: 'each', notes: [note(26, 'alpha'), note(26, 'beta')] }),
      'an inconclusive drill is asked for again after half an hour': ask({ notes: [note(26, 'alpha', ended)] }),
      'and not before': ask({ notes: [note(26, 'alpha', { ...ended, finishedAt: moment(NOW - 29 * MINUTE) })] }),
      'each further pause is twice as long': ask({
        notes: [
          note(26, 'alpha', { ...ended, askedAt: moment(NOW - 300 * MINUTE) }),
          note(26, 'alpha', { ...ended, askedAt: moment(NOW - 200 * MINUTE) }),
        ],
      }),
      'a failed drill is a verdict and is not repeated': ask({
        notes: [note(26, 'alpha', { ...ended, verdict: 'failed' })],
      }),
      'a drill without a verdict after a week is asked for again under its own name: its wish may have aged out': ask({
        notes: [note(26, 'alpha', { askedAt: moment(NOW - 7 * 24 * 60 * MINUTE) })],
      }),
      'a repeated drill without a verdict likewise': ask({
        notes: [
          note(26, 'alpha', { ...ended, askedAt: moment(NOW - 9 * 24 * 60 * MINUTE) }),
          note(26, 'alpha', { runId: 'drill.26.alpha.2' as RunId, askedAt: moment(NOW - 8 * 24 * 60 * MINUTE) }),
        ],
      }),
      'a drill still waiting in a backlog is neither repeated nor given up': ask({
        notes: [note(26, 'alpha', { askedAt: moment(NOW - 9000 * MINUTE) })],
      }),
    }
    await expect(`${JSON.stringify(decided, null, 2)}\n`).toMatchFileSnapshot('../test/golden/drill-choice.golden.json')
  })

  it('every backup gets a drill in the end, whatever order its copies come in, and every target its share', () => {
    const arrivals = fc.array(fc.shuffledSubarray(TARGETS, { minLength: 1 }), { minLength: 6, maxLength: 20 })
    const base = { mode: 'rotate' as const, targets: TARGETS, nowMs: NOW }
    fc.assert(
      fc.property(arrivals, (orders) => {
        const notes: DrillNote[] = []
        orders.forEach((order, day) => {
          for (let arrived = 1; arrived <= order.length + 1; arrived += 1) {
            const stored = order.slice(0, arrived)
            const sealedMs = arrived > order.length ? NOW - 61 * MINUTE : NOW
            for (const choice of chooseDrills({ ...base, backupId: backup(day + 1), stored, sealedMs, notes }))
              notes.push(note(day + 1, choice.targetId))
          }
          expect(notes.some((candidate) => candidate.backupId === backup(day + 1))).toBe(true)
        })
        const keys = notes.map((entry) => `${entry.backupId}/${entry.targetId}`)
        expect(new Set(keys).size).toBe(keys.length)
        // Only a target that was never there may be without a drill.
        if (orders.every((order) => order.length === TARGETS.length))
          expect(new Set(notes.map((entry) => entry.targetId)).size).toBe(TARGETS.length)
      }),
      { numRuns: 200 },
    )
  })
})
