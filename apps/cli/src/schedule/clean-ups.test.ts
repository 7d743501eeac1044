import { fileURLToPath } from 'node:url'
import type { StayedCounts } from '@lifeboat/catalog/expiry/buckets.ts'
import { decideExpiry } from '@lifeboat/catalog/expiry/decide.ts'
import type { Candidate, CopyDecision, ExpiryQuestion, KeepRules } from '@lifeboat/catalog/expiry/question.ts'
import { excessOf, sharesOf, stayedOf } from '@lifeboat/catalog/expiry/stayed.ts'
import { readConfigFile } from '@lifeboat/config/read-config.ts'
import type { BackupId, SourceId } from '@lifeboat/shared/domain/ids.ts'
import { beforeAll, expect, test } from 'vitest'
import { calendarPlans } from './plans.ts'
import { rulesInForce } from './rules.ts'
import { simulate } from './simulate.ts'

const EXAMPLE = fileURLToPath(new URL('../../../../docs/examples/records-fhir.lifeboat.yaml', import.meta.url))
const BEGINS = Date.parse('2026-09-01T00:00:00Z')
/** As the example has it: at three in the morning of the second. */
const CLEAN_UPS = ['2026-10-02T03:00:00Z', '2026-11-02T03:00:00Z', '2026-12-02T03:00:00Z'].map(Date.parse)

interface Question {
  sourceId: SourceId
  backups: readonly Candidate[]
}
let sources: Question[]
let rulesOf: ExpiryQuestion['rulesOf']
let maxShare: number

beforeAll(async () => {
  const config = await readConfigFile(EXAMPLE)
  maxShare = config.expiry.maxShare
  rulesOf = rulesInForce(config)
  sources = []
  const remember = (question: ExpiryQuestion) => {
    sources.push(question)
    return { sourceId: question.sourceId, copies: [], wal: [], walKept: [] }
  }
  const untilMs = CLEAN_UPS.at(-1) ?? 0
  const calendar = { plans: calendarPlans(config), fromMs: BEGINS, untilMs, rulesOf, decide: remember }
  for (const _ of simulate(calendar));
}, 120_000)

/** What each clean-up of one source would need a person for, all of them carried out. */
function cleanUps({ sourceId, backups }: Question, rulesAt: (nth: number) => ExpiryQuestion['rulesOf']): string[][] {
  let stayed: StayedCounts | undefined
  const gone = new Set<string>()
  const keyOf = ({ backupId, targetId }: { backupId: BackupId; targetId: string }) => `${backupId} ${targetId}`
  return CLEAN_UPS.map((nowMs, nth) => {
    const there = backups.flatMap((backup) => {
      const copies = backup.copies.filter(({ targetId }) => !gone.has(keyOf({ ...backup, targetId })))
      return backup.atMs < nowMs && copies.length > 0 ? [{ ...backup, copies }] : []
    })
    const decision = decideExpiry({ sourceId, rulesOf: rulesAt(nth), backups: there, holds: [], nowMs, doubts: [] })
    for (const copy of decision.copies) if (copy.do === 'let-go') gone.add(keyOf(copy))
    const shares = sharesOf(decision.copies as CopyDecision[], () => false)
    const excess = excessOf(sourceId, shares, stayed, maxShare)
    stayed = stayedOf(shares, stayed, { isHeld: false })
    return excess
  })
}

test('the clean-ups of the shipped calendar need a person the first time and nobody from then on', () => {
  const all = sources.map((source) => cleanUps(source, () => rulesOf))
  expect(all.flatMap(([first]) => first ?? []).length).toBeGreaterThan(0)
  expect(all.flatMap(([, ...later]) => later.flat())).toEqual([])
})

test.each<[string, KeepRules]>([
  ['30 days became 3', { daily: 3 } as KeepRules],
  ['only the last', { last: 1 } as KeepRules],
  ['30 days became 30 minutes', { within: 30 * 60_000 } as KeepRules],
])('a typo in one policy of the shipped calendar is refused at the next clean-up: %s', (_, typo) => {
  const records = sources.find(({ sourceId }) => sourceId === 'records') as Question
  const [policyId] = Map.groupBy(records.backups, (backup) => backup.policyId).keys()
  const wrong: ExpiryQuestion['rulesOf'] = (policy, target) => {
    const rules = rulesOf(policy, target)
    return rules && policy === policyId ? { ...typo, minAge: rules.minAge, zone: rules.zone } : rules
  }
  const [, , last = []] = cleanUps(records, (nth) => (nth === 2 ? wrong : rulesOf))
  expect(last.length).toBeGreaterThan(0)
  for (const sentence of last) expect(sentence).toContain(`of ${policyId} of records`)
})
