import type { BackupId, PolicyId, SourceId, TargetId } from '@lifeboat/shared/domain/ids.ts'
import { isOnPath, pathTo } from '@lifeboat/shared/domain/timelines.ts'
import { formatLsn, type Lsn, parseLsn } from '@lifeboat/shared/domain/wal.ts'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { decideExpiry } from './decide.ts'
import type { Candidate, CandidateCopy, ExpiryDecision, ExpiryQuestion, KeepRules } from './question.ts'

const [HOUR, DAY] = [3_600_000, 86_400_000]
const NOW = Date.parse('2026-11-28T12:00:00Z')
const SOURCE = 'records' as SourceId

type CopyWord = 'proven' | 'stored' | 'bad' | 'coming'

const copyOf = (targetId: string, word: CopyWord): CandidateCopy => ({
  targetId: targetId as TargetId,
  state: word === 'bad' || word === 'coming' ? word : 'there',
  proven: word === 'proven',
})

/** `backup(3, { aws: 'proven' })`: taken three days ago. */
function backup(
  daysAgo: number,
  copies: Record<string, CopyWord>,
  over: Partial<Omit<Candidate, 'copies'>> & { name?: string; parent?: string } = {},
): Candidate {
  const atMs = NOW - daysAgo * DAY
  const { name = `d${String(daysAgo).padStart(3, '0')}`, parent, ...rest } = over
  return {
    backupId: name as BackupId,
    policyId: 'daily' as PolicyId,
    kind: 'dump',
    sealed: true,
    atMs,
    bytes: 1000,
    needs: parent === undefined ? [] : [parent as BackupId],
    copies: Object.entries(copies).map(([target, word]) => copyOf(target, word)),
    ...rest,
  }
}

const rules = (over: Partial<KeepRules> = {}): KeepRules => ({ minAge: DAY, zone: 'UTC', ...over })

function ask(backups: Candidate[], over: Partial<ExpiryQuestion> & { keep?: KeepRules } = {}): ExpiryDecision {
  const { keep = rules({ last: 3 }), ...rest } = over
  return decideExpiry({
    ...{ sourceId: SOURCE, backups, rulesOf: () => keep, holds: [], nowMs: NOW, doubts: [], walPath: pathTo(1) },
    ...rest,
  })
}

/** By the clock of its store. */
const stored = (of: Candidate, daysAgo: number): Candidate => ({
  ...of,
  copies: of.copies.map((copy) => ({ ...copy, storedMs: NOW - daysAgo * DAY })),
})
const days = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => from + i)
const base = (daysAgo: number, copies: Record<string, CopyWord>, over: Parameters<typeof backup>[2] = {}) =>
  backup(daysAgo, copies, {
    kind: 'base',
    policyId: 'weekly' as PolicyId,
    wal: { timeline: 1, startLsn: lsn(1000 - daysAgo), endLsn: lsn(1000 - daysAgo) },
    ...over,
  })
const lsn = (segment: number): Lsn => formatLsn(BigInt(segment) * 0x100_0000n)

const CASES: Record<string, ExpiryDecision> = {
  'a month of daily dumps under last, daily and weekly': ask(
    days(0, 30).map((day) =>
      backup(day, { aws: day % 3 === 0 ? 'proven' : 'stored', gcp: day % 3 === 1 ? 'proven' : 'stored' }),
    ),
    { keep: rules({ last: 2, daily: 3, weekly: 4 }) },
  ),
  'a policy without rules keeps everything': ask(
    days(0, 3).map((day) => backup(day, { aws: 'proven' })),
    { rulesOf: () => undefined } as never,
  ),
  'rules that would keep nothing keep everything': ask(
    days(0, 3).map((day) => backup(day, { aws: 'proven' })),
    { keep: rules({ last: 0 }) },
  ),
  'a month of drills that failed: the last proven ones stay however old': ask([
    ...days(1, 30).map((day) => backup(day, { aws: 'bad' })),
    ...days(31, 36).map((day) => backup(day, { aws: 'proven' })),
  ]),
  'a month of drills that never came: nothing newer than the last proven one goes': ask([
    ...days(1, 30).map((day) => backup(day, { aws: 'stored' })),
    ...days(31, 36).map((day) => backup(day, { aws: 'proven' })),
  ]),
  'no backup for forty days: nothing goes': ask(days(40, 60).map((day) => backup(day, { aws: 'proven' }))),
  'a clock a year ahead: nothing goes': ask(
    days(0, 9).map((day) => backup(day, { aws: 'proven' })),
    {
      nowMs: NOW + 365 * DAY,
      keep: rules({ within: 2 * DAY }),
    },
  ),
  'a clock a year behind: nothing goes': ask(
    days(0, 9).map((day) => backup(day, { aws: 'proven' })),
    { nowMs: NOW - 365 * DAY },
  ),
  'a clock that jumped forty days, and one dump and one base since: nothing goes, and no WAL': ask(
    [
      ...days(40, 49).map((day) => backup(day, { aws: 'proven' })),
      ...[40, 47, 54, 61].map((day) => base(day, { aws: 'proven' }, { name: `w${day}` })),
      ...[backup(0, { aws: 'proven' }), base(0, { aws: 'proven' }, { name: 'w00' })],
    ],
    { keep: rules({ within: 2 * DAY }), walWindowMs: 10 * DAY },
  ),
  'six weeks without a backup, and 35 days of them since: the rules go on': ask(
    [...days(0, 35), ...days(77, 80)].map((day) => backup(day, { aws: 'proven' })),
    { keep: rules({ within: 2 * DAY }) },
  ),
  'a dump a clock dated a year ahead, and daily ones since it is right: it stays, the others go by their rules': ask(
    [
      ...days(0, 9).map((day) => stored(backup(day, { aws: 'proven' }), day)),
      stored(backup(-365, { aws: 'proven' }, { name: 'ahead' }), 5.5),
    ],
    { keep: rules({ last: 2 }) },
  ),
  'each target by its own rules': ask(
    days(0, 9).map((day) => backup(day, { aws: 'proven', nas: 'stored' })),
    {
      rulesOf: (_policy, target) => rules({ last: target === 'nas' ? 2 : 5 }),
    },
  ),
  'one target is in doubt, the other is not': ask(
    days(0, 4).map((day) => backup(day, { aws: 'proven', gcp: 'stored' })),
    {
      targetDoubts: { ['gcp' as TargetId]: ['gcp was not listed for 3 d'] },
    },
  ),
  'what is held stays, and says for whom': ask(
    days(0, 5).map((day) => backup(day, { aws: 'proven' })),
    {
      holds: [{ sourceId: SOURCE, backupId: 'd005' as BackupId, by: 'ada', why: 'audit of 2026' }],
    },
  ),
  'a parent stays while a child is wanted, its sibling chain goes': ask(
    [
      backup(9, { aws: 'proven' }, { name: 'full-a', kind: 'base' }),
      backup(8, { aws: 'proven' }, { name: 'incr-a', kind: 'incremental', parent: 'full-a' }),
      backup(6, { aws: 'proven' }, { name: 'full-b', kind: 'base' }),
      backup(5, { aws: 'proven' }, { name: 'incr-b1', kind: 'incremental', parent: 'full-b' }),
      backup(4, { aws: 'proven' }, { name: 'incr-b2', kind: 'incremental', parent: 'incr-b1' }),
      backup(2, { aws: 'proven' }, { name: 'full-c', kind: 'base' }),
    ],
    { keep: rules({ last: 1 }) },
  ),
  'a child that is still on its way to this target needs its parent here': ask(
    [
      backup(9, { nas: 'proven' }, { name: 'full-a', kind: 'base' }),
      backup(2, { nas: 'proven' }, { name: 'full-b', kind: 'base' }),
      backup(8, { nas: 'coming' }, { name: 'incr-a', kind: 'incremental', parent: 'full-a' }),
    ],
    { keep: rules({ last: 1 }) },
  ),
  'half the catalogue is missing: a child without its parent says so': ask([
    ...days(0, 5).map((day) => backup(day, { aws: 'proven' })),
    backup(3, { aws: 'proven' }, { name: 'incr-a', kind: 'incremental', parent: 'gone' }),
  ]),
  'the WAL window keeps the base it begins with, and WAL before that goes': ask(
    days(0, 5).map((week) => base(week * 7, { aws: 'proven' })),
    { keep: rules({ last: 1 }), walWindowMs: 10 * DAY },
  ),
  'no base is older than the window: all WAL stays': ask([base(3, { aws: 'proven' }), base(6, { aws: 'proven' })], {
    keep: rules({ last: 1 }),
    walWindowMs: 10 * DAY,
  }),
  'the base before the window was not proven: an older one begins it': ask(
    [base(3, { aws: 'proven' }), base(11, { aws: 'stored' }), base(18, { aws: 'proven' }), base(25, { aws: 'proven' })],
    { keep: rules({ last: 1 }), walWindowMs: 10 * DAY },
  ),
  'a day is a day where the policy lives': ask(
    [
      backup(0, { aws: 'proven' }, { name: 'b3', atMs: Date.parse('2026-11-27T23:30:00Z') }),
      backup(0, { aws: 'proven' }, { name: 'b2', atMs: Date.parse('2026-11-27T22:30:00Z') }),
      backup(0, { aws: 'proven' }, { name: 'b1', atMs: Date.parse('2026-11-26T23:30:00Z') }),
    ],
    { keep: rules({ daily: 2, minAge: 0, zone: 'Europe/Berlin' }) },
  ),
}

function lines({ copies, wal, walKept }: ExpiryDecision): string[] {
  return [
    ...copies.map((one) => `${one.targetId} ${one.backupId} ${one.kind}: ${one.do} – ${one.reasons.join('; ')}`),
    ...wal.map(({ targetId, anchor, before }) => `${targetId} WAL before ${before} goes (${anchor})`),
    ...walKept.map(({ targetId, reason }) => `${targetId} WAL stays: ${reason}`),
  ]
}

test('every decision with its reasons', async () => {
  const golden = Object.fromEntries(Object.entries(CASES).map(([name, decision]) => [name, lines(decision)]))
  await expect(`${JSON.stringify(golden, null, 2)}\n`).toMatchFileSnapshot('../../test/golden/expiry.golden.json')
})

const gone = ({ copies }: ExpiryDecision) => copies.filter((one) => one.do === 'let-go')
const kept = ({ copies }: ExpiryDecision) => copies.filter((one) => one.do === 'keep')

describe('whatever the backups, the rules and the clock:', () => {
  const TARGETS = ['aws', 'gcp'] as const
  const word = fc.constantFrom<CopyWord | 'none'>('proven', 'proven', 'stored', 'bad', 'coming', 'none')
  const made = fc.record({
    hoursAgo: fc.integer({ min: 0, max: 40 * 24 }),
    kind: fc.constantFrom('dump', 'dump', 'base', 'incremental'),
    policyId: fc.constantFrom('daily', 'daily', 'weekly'),
    words: fc.tuple(word, word),
    parent: fc.nat(),
  })
  const anyBackups = fc.array(made, { maxLength: 60 }).map((list) => {
    const sorted = list.toSorted((a, b) => b.hoursAgo - a.hoursAgo)
    return sorted.map(({ hoursAgo, kind, policyId, words, parent }, i): Candidate => {
      const copies = TARGETS.flatMap((target, t) => (words[t] === 'none' ? [] : [copyOf(target, words[t] as CopyWord)]))
      const needs = kind === 'incremental' && i > 0 ? [`b${parent % i}` as BackupId] : []
      const wal =
        kind === 'dump'
          ? undefined
          : { timeline: 1 + (hoursAgo % 2), startLsn: lsn(2000 - hoursAgo), endLsn: lsn(2000 - hoursAgo) }
      const name = { backupId: `b${i}` as BackupId, policyId: policyId as PolicyId }
      return { ...name, kind, sealed: true, atMs: NOW - hoursAgo * HOUR, bytes: 1, needs, wal, copies }
    })
  })
  const count = fc.option(fc.integer({ min: 0, max: 4 }), { nil: undefined, freq: 1 })
  const anyRules = fc.record({
    ...{ last: count, hourly: count, daily: count, weekly: count, monthly: count, yearly: count },
    within: fc.option(fc.integer({ min: 0, max: 10 * DAY }), { nil: undefined }),
    minAge: fc.integer({ min: 0, max: 3 * DAY }),
    zone: fc.constantFrom('UTC', 'Europe/Berlin', 'Pacific/Chatham'),
  })
  const anyQuestion = fc
    .record({
      backups: anyBackups,
      keep: anyRules,
      held: fc.array(fc.nat({ max: 40 }), { maxLength: 2 }),
      nowMs: fc.constantFrom(NOW, NOW, NOW, NOW + 365 * DAY, NOW - 365 * DAY),
      walWindowMs: fc.option(fc.integer({ min: 0, max: 20 * DAY }), { nil: undefined }),
      walPath: fc.constantFrom(pathTo(2, [{ timeline: 1, end: parseLsn(lsn(1600)) }]), pathTo(1), undefined),
      doubts: fc.constantFrom<string[]>([], [], [], ['the catalogue is not caught up']),
    })
    .map(({ backups, keep, held, ...rest }): ExpiryQuestion => {
      const holds = held.map((i) => ({ sourceId: SOURCE, backupId: `b${i}` as BackupId, by: 'ada', why: 'audit' }))
      return { sourceId: SOURCE, backups, rulesOf: () => keep, holds, ...rest }
    })
  const holds = (check: (question: ExpiryQuestion, decision: ExpiryDecision) => void) =>
    fc.assert(
      fc.property(anyQuestion, (question) => check(question, decideExpiry(question))),
      { numRuns: 1000 },
    )

  test('some of them let something go', () => {
    const letGo = fc.sample(anyQuestion, 300).filter((question) => gone(decideExpiry(question)).length > 0)
    expect(letGo.length).toBeGreaterThan(15)
  })

  test('the last proven backup of a kind stays, at each target and over all', () => {
    holds(({ backups }, decision) => {
      const stays = new Set(kept(decision).map(({ backupId, targetId }) => `${backupId} ${targetId}`))
      const proofs = backups.flatMap(({ backupId, kind, copies }) =>
        copies.flatMap((one) =>
          one.proven && one.state === 'there' ? [{ kind, at: one.targetId, key: `${backupId} ${one.targetId}` }] : [],
        ),
      )
      for (const group of Map.groupBy(proofs, ({ kind, at }) => `${kind} ${at}`).values())
        expect(group.some(({ key }) => stays.has(key))).toBe(true)
    })
  })

  test('what a backup that stays needs stays beside it', () => {
    holds(({ backups }, decision) => {
      const byId = new Map(backups.map((one) => [one.backupId, one]))
      const letGo = new Set(gone(decision).map(({ backupId, targetId }) => `${backupId} ${targetId}`))
      for (const { backupId, targetId } of kept(decision))
        for (const parent of byId.get(backupId)?.needs ?? []) expect(letGo.has(`${parent} ${targetId}`)).toBe(false)
      for (const { needs, copies } of backups)
        for (const { targetId, state } of copies)
          if (state === 'coming') for (const parent of needs) expect(letGo.has(`${parent} ${targetId}`)).toBe(false)
    })
  })

  test('what is held, young or in doubt stays, and a jumped clock takes nothing', () => {
    holds(({ holds: on, rulesOf, nowMs, doubts }, decision) => {
      for (const { backupId, atMs } of gone(decision)) {
        expect(on.some((hold) => hold.backupId === backupId)).toBe(false)
        expect(nowMs - atMs).toBeGreaterThanOrEqual(rulesOf('daily' as PolicyId, 'aws' as TargetId)?.minAge ?? 0)
        expect(doubts).toEqual([])
        expect(nowMs).toBe(NOW)
      }
    })
  })

  test('as many proven backups stay as the rules count', () => {
    holds(({ backups, rulesOf }, decision) => {
      const { last = 0 } = rulesOf('daily' as PolicyId, 'aws' as TargetId) ?? {}
      const provenIds = new Set(
        backups
          .filter((one) => one.copies.some((copy) => copy.proven && copy.state === 'there'))
          .map((one) => one.backupId),
      )
      const counts = (copies: readonly { backupId: BackupId; policyId: string; kind: string; targetId: string }[]) => {
        const there = copies.filter(
          ({ backupId, targetId }) =>
            provenIds.has(backupId) &&
            backups.some(
              (one) =>
                one.backupId === backupId &&
                one.copies.some((copy) => copy.targetId === targetId && copy.state === 'there'),
            ),
        )
        return Map.groupBy(there, ({ policyId, kind, targetId }) => `${policyId} ${kind} ${targetId}`)
      }
      const stays = counts(kept(decision))
      for (const [group, all] of counts(decision.copies))
        expect(stays.get(group)?.length ?? 0).toBeGreaterThanOrEqual(Math.min(last, all.length))
    })
  })

  test('every decision has a reason, and each copy that is there has one decision', () => {
    holds(({ backups }, { copies }) => {
      expect(copies.every(({ reasons }) => reasons.length > 0)).toBe(true)
      const there = backups.flatMap((one) => one.copies.filter(({ state }) => state !== 'coming'))
      expect(copies.length).toBe(there.length)
    })
  })

  test('the window keeps a base on the way of the present timeline that leads into all WAL that stays', () => {
    holds(({ backups, walPath = [] }, decision) => {
      for (const { anchor, targetId, before } of decision.wal) {
        expect(kept(decision).some((one) => one.backupId === anchor && one.targetId === targetId)).toBe(true)
        const { timeline = 0, startLsn = '', endLsn = '' } = backups.find((one) => one.backupId === anchor)?.wal ?? {}
        expect(before <= startLsn).toBe(true)
        expect(isOnPath(walPath, timeline, parseLsn(endLsn))).toBe(true)
      }
    })
  })

  describe('with a clock that jumped between two of them', () => {
    const jump = fc.integer({ min: 61, max: 800 }).map((daysOfIt) => daysOfIt * DAY)

    test('nothing goes while those after it are few', () => {
      const anyJump = fc.record({ question: anyQuestion, cut: fc.integer({ min: 0, max: 34 * 24 }), jump })
      const check = ({ question, cut, jump: jumpMs }: { question: ExpiryQuestion; cut: number; jump: number }) => {
        const isBefore = ({ atMs }: Candidate) => atMs < NOW - cut * HOUR
        const backups = question.backups.map((one) => (isBefore(one) ? { ...one, atMs: one.atMs - jumpMs } : one))
        if (!backups.some((one) => !isBefore(one)) || !question.backups.some(isBefore)) return
        const decision = decideExpiry({ ...question, backups, nowMs: NOW })
        expect([gone(decision), decision.wal]).toEqual([[], []])
      }
      fc.assert(fc.property(anyJump, check), { numRuns: 1000 })
    })

    test('nothing ever goes by rules that count time which would have stayed without it', () => {
      const hours = fc.array(fc.integer({ min: 1, max: 72 }), { minLength: 30, maxLength: 100, size: 'max' })
      const time = fc.option(fc.integer({ min: 0, max: 50 * DAY }), { nil: undefined })
      const anyJump = fc.record({ hours, kept: fc.record({ last: count, within: time }), jump, cut: fc.nat() })
      let jumpedAndWent = 0
      const check = ({ hours: pauses, kept: { last, within }, jump: jumpMs, cut }: ValueOf<typeof anyJump>) => {
        const walWindowMs = within ?? 0
        const decided = (jumped: number) => {
          let atMs = NOW - 400 * DAY
          const backups = pauses.map((pause, i) => {
            atMs += pause * HOUR + (i === 1 + (cut % (pauses.length - 1)) ? jumped : 0)
            const wal = { timeline: 1, startLsn: lsn(i), endLsn: lsn(i) }
            return base(0, { aws: 'proven' }, { name: `b${i}`, atMs, wal })
          })
          return ask(backups, { keep: rules({ last, within }), walWindowMs, nowMs: atMs + HOUR })
        }
        const [without, jumped] = [decided(0), decided(jumpMs)]
        const stays = new Set(kept(without).map(({ backupId }) => backupId))
        expect(gone(jumped).filter(({ backupId }) => stays.has(backupId))).toEqual([])
        const before = ({ wal }: ExpiryDecision) => parseLsn(wal[0]?.before ?? lsn(0))
        expect(before(jumped) <= before(without)).toBe(true)
        if (gone(jumped).length > 0) jumpedAndWent += 1
      }
      fc.assert(fc.property(anyJump, check), { numRuns: 1000 })
      expect(jumpedAndWent).toBeGreaterThan(20)
    })
  })
})

type ValueOf<T> = T extends fc.Arbitrary<infer V> ? V : never
