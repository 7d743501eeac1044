import { stateOf } from '@lifeboat/shared/domain/backup.ts'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { aBackup } from './conformance/facts.ts'
import { MemoryCatalog } from './memory-catalog.ts'
import { BackupDraft, type BackupFact, complete, project } from './project.ts'
import { emptySummary, summarize, summarizeAll } from './summarize.ts'

const targets = ['aws', 'gcp', 'azure', 'disk']
const minute = fc.integer({ min: 0, max: 30 })
const target = fc.constantFrom(...targets)
const date = fc.constantFrom(undefined, '2026-11-01T00:00:00.000Z', '2027-01-01T00:00:00.000Z')

/** Any facts about one backup, contradicting ones included. */
function factsOf(backup: ReturnType<typeof aBackup>): fc.Arbitrary<BackupFact[]> {
  const verdict = fc.constantFrom('proven' as const, 'failed' as const, 'inconclusive' as const)
  const other = aBackup({ no: 1, targets: ['disk'], requiredCopies: 3 })
  const twisted = { ...other.sealed(), data: { ...other.sealed().data, backupId: backup.backupId } } as BackupFact
  return fc.array(
    fc.oneof(
      fc.constantFrom(backup.started(), backup.sealed(), twisted),
      minute.map((at) => backup.failed(at)),
      fc.tuple(target, minute, date).map(([id, at, until]) => backup.stored(id, at, until)),
      fc.tuple(target, minute, date).map(([id, at, until]) => backup.lockFound(id, at, until)),
      fc.tuple(target, minute, date).map(([id, at, until]) => backup.locked(id, at, until)),
      target.map((id) => backup.refused(id)),
      fc.tuple(target, fc.constantFrom('aaaaaa', 'bbbbbb')).map(([id, mark]) => backup.marked(id, mark)),
      fc.tuple(target, fc.constantFrom('aaaaaa', 'bbbbbb')).map(([id, mark]) => backup.unmarked(id, mark)),
      target.map((id) => backup.expired(id)),
      fc
        .tuple(target, fc.constantFrom('whole' as const, 'missing' as const, 'damaged' as const), minute)
        .map(([id, found, at]) => backup.audited(id, found, at)),
      fc.tuple(target, minute).map(([id, at]) => backup.remade(id, at)),
      fc
        .tuple(target, verdict, minute, fc.option(verdict, { nil: undefined }))
        .map(([id, result, at, wal]) => backup.drilled(id, result, at, wal && walFound(wal))),
    ),
    { maxLength: 12 },
  )
}

const walFound = (verdict: string) => ({ to: 'latest', verdict, reasons: verdict === 'proven' ? [] : ['a reason'] })

const projectAll = (facts: readonly BackupFact[]) =>
  facts.reduce<BackupDraft | undefined>((draft, fact) => project(draft, fact), undefined)

describe('a record made of facts', () => {
  test('is the same in whatever order they come and however often', () => {
    const backup = aBackup()
    const shuffled = factsOf(backup).chain((facts) =>
      fc.tuple(
        fc.constant(facts),
        fc.shuffledSubarray([...facts, ...facts], { minLength: facts.length * 2, maxLength: facts.length * 2 }),
      ),
    )
    fc.assert(
      fc.property(shuffled, ([facts, again]) => {
        expect(projectAll(again)).toEqual(projectAll(facts))
      }),
      { numRuns: 500 },
    )
  })

  test('has the shape the bucket demands after any facts', () => {
    fc.assert(
      fc.property(factsOf(aBackup()), (facts) => {
        const draft = projectAll(facts)
        if (draft) expect(BackupDraft.parse(JSON.parse(JSON.stringify(draft)))).toEqual(draft)
      }),
    )
  })

  test('is shown as soon as the backup itself was heard of, with the start told by its id until then', () => {
    const backup = aBackup({ no: 7 })
    expect(complete(projectAll([backup.stored('aws'), backup.drilled('aws', 'proven')]))).toBeUndefined()
    expect(complete(projectAll([backup.failed()]))?.startedAt).toBe(backup.moment(0))
  })

  test('follows a copy that is let go, brought back, let go again and removed', () => {
    const backup = aBackup()
    const life = [backup.sealed(), backup.stored('aws'), backup.drilled('aws', 'proven')]
    const state = (...more: BackupFact[]) => projectAll([...life, ...more])?.copies['aws' as never]?.state
    const [marked, back] = [backup.marked('aws'), backup.unmarked('aws')]
    expect(state(marked)).toBe('marked')
    expect(state(marked, back)).toBe('proven')
    expect(state(marked, back, backup.marked('aws', 'bbbbbb'))).toBe('marked')
    expect(state(marked, backup.expired('aws'))).toBe('expired')
    const record = complete(projectAll([...life, marked]))
    expect(record && stateOf(record)).toBe('expired')
  })

  test('forgets what drills said of bytes that were put there anew', () => {
    const backup = aBackup()
    const life = [backup.sealed(), backup.stored('aws'), backup.drilled('aws', 'failed', 10)]
    const state = (...more: BackupFact[]) => projectAll([...life, ...more])?.copies['aws' as never]?.state
    expect(state(backup.audited('aws', 'damaged', 20))).toBe('damaged')
    expect(state(backup.audited('aws', 'damaged', 20), backup.remade('aws', 25))).toBe('stored')
    expect(state(backup.remade('aws', 25), backup.drilled('aws', 'proven', 30))).toBe('proven')
    expect(state(backup.remade('aws', 25), backup.audited('aws', 'missing', 40))).toBe('missing')
  })

  test('knows until when its store refuses to remove a copy, as it was last told', () => {
    const backup = aBackup()
    const [may, june] = ['2027-05-01T00:00:00.000Z', '2027-06-01T00:00:00.000Z']
    const lock = (...facts: BackupFact[]) => projectAll(facts)?.copies['aws' as never]?.lock
    const stored = backup.stored('aws', 6, may)
    expect(lock(backup.stored('aws', 6))).toBeUndefined()
    expect(lock(stored)).toEqual({ at: backup.moment(6), until: may })
    expect(lock(backup.lockFound('aws', 20, june), stored)).toEqual({ at: backup.moment(20), until: june })
    expect(lock(stored, backup.lockFound('aws', 20))).toEqual({ at: backup.moment(20) })
    expect(lock(stored, backup.locked('aws', 30, june))).toEqual({ at: backup.moment(30), until: june })
    // The store holds it and names no date: that says nothing of the one that is known.
    expect(lock(stored, backup.locked('aws', 30))).toEqual({ at: backup.moment(6), until: may })
  })

  test('keeps the last conclusion when a drill without one is heard of first', () => {
    const backup = aBackup()
    const facts = [backup.drilled('aws', 'inconclusive', 30), backup.drilled('aws', 'failed', 20)]
    const copy = projectAll([...facts, backup.drilled('aws', 'proven', 10)])?.copies['aws' as never]
    expect(copy).toMatchObject({ state: 'disproven', lastDrill: { verdict: 'inconclusive' } })
  })

  test('keeps what drills found of the WAL apart from what they say of the copy', () => {
    const backup = aBackup({ kind: 'base' })
    const found = (wal: string, at: number) => backup.drilled('aws', 'proven', at, walFound(wal))
    const nothing = backup.drilled('aws', 'inconclusive', 40, walFound('inconclusive'))
    const copy = projectAll([found('failed', 10), nothing, found('inconclusive', 30), found('proven', 20)])?.copies[
      'aws' as never
    ]
    expect(copy?.state).toBe('proven')
    expect(copy?.wal?.map(({ verdict }) => verdict)).toEqual(['inconclusive', 'proven', 'failed'])
  })

  test('calls a copy stored that was refused before, and refused one that never came', () => {
    const backup = aBackup()
    const copies = projectAll([backup.stored('aws'), backup.refused('aws'), backup.refused('gcp')])?.copies
    expect(copies).toMatchObject({ aws: { state: 'stored' }, gcp: { state: 'refused' } })
  })

  test('does not count a disproven copy towards what the policy demands', () => {
    const backup = aBackup({ requiredCopies: 2 })
    const record = complete(
      projectAll([backup.sealed(), backup.stored('aws'), backup.stored('gcp'), backup.drilled('gcp', 'failed')]),
    )
    expect(record && stateOf(record)).toBe('sealed')
  })
})

describe('the summary of a source', () => {
  test('is the same step by step as from all records at once, whenever the steps admit no loss', async () => {
    const backups = [0, 1, 2, 3].map((no) => aBackup({ no, kind: no % 2 === 0 ? 'base' : 'dump' }))
    const mixed = fc
      .tuple(...backups.map(factsOf))
      .chain((lists) => fc.shuffledSubarray(lists.flat(), { minLength: lists.flat().length }))
    await fc.assert(
      fc.asyncProperty(mixed, async (facts) => {
        const catalog = new MemoryCatalog()
        let summary = emptySummary(aBackup().sourceId)
        for (const fact of facts) {
          await catalog.apply(fact)
          const record = await catalog.get(fact.data.backupId)
          if (!record) continue
          const step = summarize(summary, record)
          const records = await Array.fromAsync(catalog.all())
          summary = step.lost ? summarizeAll(record.sourceId, records) : step.summary
          expect(summary).toEqual(summarizeAll(record.sourceId, records.reverse()))
        }
      }),
      { numRuns: 100 },
    )
  })
})
