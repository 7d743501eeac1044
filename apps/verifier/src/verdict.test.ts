import type { BackupKind } from '@lifeboat/shared/domain/ids.ts'
import { expect, test } from 'vitest'
import { judge } from './verdict.ts'

type Given = Parameters<typeof judge>[0]

const ALL_PASSED: Given = (
  ['manifest', 'digests', 'decrypt', 'globals', 'restore', 'fingerprint', 'constraints', 'amcheck'] as const
).map((check) => ({ check, answer: 'passed', detail: 'Fine.' }))

function but(check: Given[number]['check'], answer: Given[number]['answer'], detail: string, subject?: string): Given {
  const changed = { check, answer, detail, ...(subject !== undefined && { subject }) }
  return ALL_PASSED.some((each) => each.check === check)
    ? ALL_PASSED.map((each) => (each.check === check ? changed : each))
    : [...ALL_PASSED, changed]
}

function until(check: Given[number]['check'], answer: Given[number]['answer'], detail: string): Given {
  const at = ALL_PASSED.findIndex((each) => each.check === check)
  return [...ALL_PASSED.slice(0, at), { check, answer, detail }]
}

const CASES: Record<string, Given> = {
  'everything was asked and passed': ALL_PASSED,
  'a backup without globals is proven all the same': but('globals', 'skipped', 'The backup carries no globals.'),
  'a machine without amcheck proves all the same': but('amcheck', 'skipped', 'This machine has no amcheck.'),
  'row counts differ': but('fingerprint', 'failed', 'Table public.patient has 2 rows instead of 3.'),
  'an assertion of the policy does not hold': but(
    'assertion',
    'failed',
    'It is 0, expected at least 1.',
    'there are patients',
  ),
  'a corrupt index': but('amcheck', 'failed', '1 of 9 B-trees are corrupt.'),
  'one thing failed and another could not be asked': [
    ...but('fingerprint', 'failed', 'Table public.patient did not come back.'),
    { check: 'assertion', subject: 'odd', answer: 'unable', detail: 'The query of the policy is no SQL.' },
  ],
  'the signature does not hold': until(
    'manifest',
    'failed',
    'The signature of a manifest or of evidence does not hold.',
  ),
  'the target is away': until('manifest', 'unable', 'The target does not answer, or answers that it cannot now.'),
  'this verifier lacks the key': until('decrypt', 'unable', 'The artifact cannot be decrypted with this identity.'),
  'no scratch server could be had': until('restore', 'unable', 'No scratch server could be started for the drill.'),
  'a part is missing': until('digests', 'failed', 'A part that the manifest lists is missing.'),
  'only some of the questions were asked': ALL_PASSED.filter(({ check }) => check !== 'fingerprint'),
  'a fingerprint that was skipped proves nothing': but('fingerprint', 'skipped', 'There is none.'),
  'nothing was asked': [],
}

const RECOVERED: Given = (
  [
    'manifest',
    'digests',
    'decrypt',
    'restore',
    'backup-manifest',
    'recover',
    'heartbeat',
    'amcheck',
    'checksums',
  ] as const
).map((check) => ({ check, answer: 'passed', detail: 'Fine.' }))
const recovered = (
  check: Given[number]['check'],
  answer: Given[number]['answer'],
  detail: string,
  subject?: string,
) => [
  ...RECOVERED.filter((each) => each.check !== check),
  { check, answer, detail, ...(subject !== undefined && { subject }) },
]

const PHYSICAL_CASES: Record<string, Given> = {
  'a base came back and everything was asked': RECOVERED,
  'a cluster without heartbeat and checksums is proven all the same': [
    ...recovered('heartbeat', 'skipped', 'No heartbeat is written for this source.').filter(
      ({ check }) => check !== 'checksums',
    ),
    { check: 'checksums', answer: 'skipped', detail: 'The cluster has no data checksums.' },
  ],
  'the recovery ended early': recovered('recover', 'failed', 'Recovery ended before the point it was to reach.'),
  'a page is damaged': recovered('checksums', 'failed', '1 pages are damaged.'),
  'this machine lacks an extension': recovered(
    'recover',
    'unable',
    'This machine has no library postgis-3.',
    'machine',
  ),
  'nobody held the files against their list': RECOVERED.filter(({ check }) => check !== 'backup-manifest'),
}

const throughWal = (...asked: Given[number][]): Given => [...RECOVERED, ...asked]
const REPLAYED: Given[number] = {
  check: 'wal',
  subject: 'replay',
  answer: 'passed',
  detail: 'Recovered to the end of the archived WAL.',
}
const DAMAGED: Given[number] = {
  check: 'wal',
  subject: 'replay',
  answer: 'failed',
  detail: 'An object of the WAL archive is not what its name says.',
  error: { code: 'WAL_DAMAGED' },
}
const REFUSED: Given[number] = {
  ...DAMAGED,
  detail: 'PostgreSQL refuses to recover.',
  error: { code: 'RECOVERY_REFUSED' },
}

const WAL_CASES: Record<string, Given> = {
  'the WAL behind it was replayed to the goal': throughWal(REPLAYED),
  'the WAL is damaged, the base came back without it': throughWal(DAMAGED),
  'the WAL has a hole, the base came back without it': throughWal({
    check: 'wal',
    subject: 'archive',
    answer: 'failed',
    detail: 'WAL is missing on the way to the point to recover to.',
  }),
  'PostgreSQL gave up in the WAL, the base came back without it': throughWal(REFUSED),
  'the archive does not reach to the goal yet': throughWal({
    check: 'wal',
    subject: 'archive',
    answer: 'unable',
    detail: 'The point to recover to lies behind the end of the archived WAL.',
  }),
  'PostgreSQL gave up with and without the WAL': [
    ...recovered('recover', 'failed', 'PostgreSQL refuses to recover.'),
    REFUSED,
  ],
  'the WAL is damaged, and a page of the base too': [
    ...recovered('checksums', 'failed', '1 pages are damaged.'),
    DAMAGED,
  ],
  'the target went away while its WAL was listed': [
    ...RECOVERED.slice(0, 3),
    { check: 'wal', subject: 'archive', answer: 'unable', detail: 'The target does not answer.' },
  ],
  'the archive was looked at and the machine lacked the programs': [
    ...RECOVERED.slice(0, 3),
    { check: 'wal', subject: 'archive', answer: 'passed', detail: 'The archive leads there.' },
    { check: 'restore', answer: 'unable', detail: 'No scratch server could be started for the drill.' },
  ],
}

test('a chain that was not combined proves nothing', () => {
  expect(judge(RECOVERED, 'base').verdict).toBe('proven')
  expect(judge(RECOVERED, 'incremental')).toEqual({ verdict: 'inconclusive', reasons: ['combine: was not asked.'] })
})

test('the verdict and its reasons are those of the golden file', async () => {
  const judged = (cases: Record<string, Given>, kind: BackupKind) =>
    Object.entries(cases).map(([name, checks]) => [name, judge(checks, kind)])
  const verdicts = Object.fromEntries([
    ...judged(CASES, 'dump'),
    ...judged(PHYSICAL_CASES, 'base'),
    ...judged(WAL_CASES, 'base'),
  ])
  await expect(`${JSON.stringify(verdicts, null, 2)}\n`).toMatchFileSnapshot('verdict.golden.json')
})

test('broken WAL is told and does not disprove a base that came back without it', () => {
  const damaged = judge(WAL_CASES['the WAL is damaged, the base came back without it'] ?? [], 'base')
  expect(damaged).toMatchObject({ verdict: 'proven', wal: { verdict: 'failed' } })
})

test('a drill whose row counts differ is failed, not inconclusive', () => {
  expect(judge(CASES['one thing failed and another could not be asked'] ?? [], 'dump').verdict).toBe('failed')
})
