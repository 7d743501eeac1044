import type { BackupRecord } from '@lifeboat/shared/domain/backup.ts'
import type { BackupId, TargetId } from '@lifeboat/shared/domain/ids.ts'
import { expect, test } from 'vitest'
import { decideExport, type ExportQuestion } from './decide-export.ts'
import type { RememberedTable } from './memory.ts'

const before = '20260926T030000Z-tables-aaaaaa' as BackupId
const patient: RememberedTable = {
  title: 'public.patient',
  columns: ['id', 'name'],
  definition: 'd',
  rows: 7,
  hash: '42',
}

const question = (change: Partial<ExportQuestion> = {}): ExportQuestion => ({
  before: {
    format: 1,
    backupId: before,
    takenAt: '2026-09-26T03:00:00.000Z' as never,
    settings: 's',
    tables: [patient],
  },
  record: recordWith('stored'),
  inSpool: false,
  tables: [patient],
  settings: 's',
  targets: ['aws', 'gcp'] as TargetId[],
  atLeastEveryMs: 86_400_000,
  nowMs: Date.parse('2026-09-26T04:00:00.000Z'),
  ...change,
})

function recordWith(aws: string, change: object = {}): BackupRecord {
  return {
    sealedAt: '2026-09-26T03:00:01.000Z',
    copies: { aws: { state: aws }, gcp: { state: 'expected' } },
    ...change,
  } as never
}

const why = (change: Partial<ExportQuestion>) => {
  const decision = decideExport(question(change))
  return decision.do === 'refer' ? `refers to ${decision.to}` : decision.reason
}

test('nothing changed and a good copy: the export before says it all', () => {
  expect(why({})).toBe(`refers to ${before}`)
  expect(why({ record: recordWith('proven') })).toBe(`refers to ${before}`)
  expect(why({ record: undefined, inSpool: true })).toBe(`refers to ${before}`)
})

test('any difference is exported, and says which', () => {
  expect(why({ tables: [{ ...patient, hash: '43' }] })).toBe('rows of public.patient changed')
  expect(why({ tables: [{ ...patient, rows: 8 }] })).toBe('public.patient had 7 rows and has 8')
  expect(why({ tables: [{ ...patient, definition: 'e' }] })).toBe('the definition of public.patient changed')
  expect(why({ tables: [] })).toBe('public.patient is not exported any more')
  expect(why({ tables: [patient, { ...patient, title: 'b' }] })).toBe('b is new')
  expect(why({ settings: 't' })).toBe('the configuration changed')
})

test('an export that may not be there any more is not referred to', () => {
  expect(why({ before: undefined })).toBe('it is the first one this agent knows of')
  expect(why({ record: undefined })).toBe(`the catalogue does not know ${before}`)
  expect(why({ record: recordWith('stored', { sealedAt: undefined }) })).toBe(`${before} was never completed`)
  expect(why({ record: recordWith('disproven') })).toBe(`the copy of ${before} at aws is disproven`)
  expect(why({ record: recordWith('refused') })).toBe(`the copy of ${before} at aws is refused`)
  expect(why({ record: recordWith('expected') })).toBe(`no target holds ${before}`)
})

test('once in a while it is exported whatever happened, also when the clock went back', () => {
  expect(why({ nowMs: Date.parse('2026-09-27T03:00:00.000Z') })).toBe(`${before} is 24 h old`)
  expect(why({ nowMs: Date.parse('2026-09-26T02:00:00.000Z') })).toBe(`${before} is 1 h old`)
})
