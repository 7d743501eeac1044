import type { ObservedMessage } from '@lifeboat/shared/bus/bus.ts'
import type { MessageType } from '@lifeboat/shared/bus/define-message.ts'
import { BackupFailed, BackupSealed, BackupStarted } from '@lifeboat/shared/bus/messages/backup.ts'
import { CopyRefused, CopyStored } from '@lifeboat/shared/bus/messages/copy.ts'
import { DrillFinished } from '@lifeboat/shared/bus/messages/drill.ts'
import { drillRunId, moment, type RunId, type TargetId } from '@lifeboat/shared/domain/ids.ts'
import type { LedgerEntry, RunState } from '@lifeboat/shared/domain/ledger.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import { expect, test } from 'vitest'
import { backupFacts } from '../../test/facts.ts'
import { type BackupStory, beginStory, isPartOf, tellFact, tellLedger } from './backup-story.ts'
import type { Goal } from './goals.ts'

const AT = Date.UTC(2026, 8, 26, 2)
const facts = backupFacts(AT, 'aaaaaa', { requiredCopies: 2 })
const again = backupFacts(AT + 60_000, 'bbbbbb', { requiredCopies: 2, runId: facts.runId })
const report = new LifeboatError('SOURCE_LOCKED').toReport()

const fact = <T>(type: MessageType<T>, data: T): ObservedMessage => ({
  sequence: 1,
  at: AT,
  subject: `lifeboat.fact.${type.subject}.v1.${type.route(data)}`,
  data: JSON.parse(JSON.stringify(data)) as unknown,
})
const failed = (of: typeof facts, willRetry: boolean) =>
  fact(BackupFailed, { ...of.started, failedAt: moment(AT), error: report, willRetry } as never)
const refused = (target: string) =>
  fact(CopyRefused, { ...facts.copyStored(target), refusedAt: moment(AT), error: report } as never)
const started = fact(BackupStarted, facts.started)
const sealed = fact(BackupSealed, facts.sealed)
const stored = (target: string) => fact(CopyStored, facts.copyStored(target))
const drilled = (target: string, verdict: string) => fact(DrillFinished, facts.drillFinished(target, verdict))

function told(goal: Goal, ...messages: ObservedMessage[]): BackupStory {
  return messages.reduce(tellFact, beginStory(facts.runId as RunId, goal))
}

test('a backup is stored when as many targets as required hold it, not before', () => {
  expect(told('stored', started, sealed, stored('aws')).end).toBeUndefined()
  expect(told('stored', started, sealed, stored('aws'), stored('aws')).end).toBeUndefined()
  expect(told('stored', started, sealed, stored('aws'), stored('gcp'))).toMatchObject({
    end: 'reached',
    stored: ['aws', 'gcp'],
  })
})

test('waiting for the seal ends with it; waiting for the proof goes on past the copies', () => {
  expect(told('sealed', started, sealed).end).toBe('reached')
  expect(told('proven', started, sealed, stored('aws'), stored('gcp')).end).toBeUndefined()
  expect(told('proven', started, sealed, stored('aws'), drilled('aws', 'proven'))).toMatchObject({
    end: 'reached',
    proven: ['aws'],
  })
})

test('a drill that disproves the backup ends the wait for its proof, an inconclusive one does not', () => {
  expect(told('proven', started, sealed, drilled('aws', 'failed'))).toMatchObject({ end: 'failed', disproven: ['aws'] })
  expect(told('proven', started, sealed, drilled('aws', 'inconclusive')).end).toBeUndefined()
})

test('an attempt that failed and will be tried again is not the end', () => {
  expect(told('stored', started, failed(facts, true))).toMatchObject({ error: report })
  expect(told('stored', started, failed(facts, true)).end).toBeUndefined()
  expect(told('stored', started, failed(facts, false)).end).toBe('failed')
})

test('what an abandoned attempt had reached does not count for the next', () => {
  const story = told('stored', started, stored('aws'), fact(BackupStarted, again.started), stored('gcp'))
  expect(story).toMatchObject({ backupId: again.backupId, stored: [] })
  expect(told('stored', started, fact(BackupStarted, again.started), failed(facts, false)).end).toBeUndefined()
})

test('when too few targets are left that could take it, the wait ends', () => {
  expect(told('stored', started, sealed, refused('aws'))).toMatchObject({
    end: 'failed',
    refused: ['aws'],
    error: report,
  })
})

test('facts of other runs change nothing', () => {
  const other = backupFacts(AT, 'cccccc', { runId: 'daily.other.20260926T020000Z' })
  const story = told('stored', started)
  expect(tellFact(story, fact(BackupSealed, other.sealed))).toEqual(story)
  expect(tellFact(story, fact(CopyStored, other.copyStored('aws')))).toEqual(story)
})

test('a run the ledger gives up ends the wait even when no fact tells of it', () => {
  const entry = (state: RunState) => ({ runId: facts.runId, state, reason: 'cancelled by operator' }) as LedgerEntry
  const story = beginStory(facts.runId as RunId, 'stored')
  for (const state of ['failed', 'cancelled', 'overdue', 'skipped', 'missed'] as const)
    expect(tellLedger(story, entry(state))).toMatchObject({
      end: 'failed',
      runState: state,
      reason: 'cancelled by operator',
    })
  for (const state of ['expected', 'wished', 'running', 'succeeded'] as const)
    expect(tellLedger(story, entry(state)).end).toBeUndefined()
})

test('the drill of what a run took is part of its story, and what another one does is not', () => {
  const { backupId } = facts.started
  expect(isPartOf(told('proven'), facts.runId)).toBe(true)
  expect(isPartOf(told('proven', started), drillRunId(backupId, 'aws' as TargetId, 'x'))).toBe(true)
  expect(isPartOf(told('proven', started), drillRunId(again.started.backupId, 'aws' as TargetId, 'x'))).toBe(false)
  expect(isPartOf(told('proven'), again.runId.replace('daily', 'hourly'))).toBe(false)
})
