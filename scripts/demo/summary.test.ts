import { expect, it } from 'vitest'
import { type Summary, summaryText } from './summary.ts'

const SUMMARY: Summary = {
  held: true,
  seconds: 93.4,
  database: { name: 'records', bytes: 204_000_000, rows: 262_293, server: '15.18' },
  backup: { backupId: '20260926T020000Z-dump-k3f9qa', bytes: 31_400_000, seconds: 7.25 },
  targets: [
    { target: 'aws', kind: 's3', storedSeconds: 9, verdict: 'proven', drillSeconds: 21, recoverySeconds: 14.2 },
    { target: 'google', kind: 'gcs', storedSeconds: 9.5, verdict: 'failed', drillSeconds: 3 },
  ],
  recovery: {
    ...{ backupId: 'c', target: 'azure', to: '2026-09-26T02:03:04.000Z', lsn: '0/5000060' },
    ...{ seconds: 6, rows: 1250, offSiteSeconds: 3, backSeconds: 12, objectiveSeconds: 7200 },
  },
  restore: { restoreId: 'd', backupId: 'a', seconds: 8, rows: 1000 },
  sabotage: { backupId: 'b', target: 'google', key: 'k', offset: 1, verdicts: {}, reasons: [] },
  missing: { subject: 's', to: ['operations@records.example'], secondsAfterDue: 9, resolved: 'r' },
  mails: [],
  claims: [
    { claim: 'it was so', held: true, detail: '' },
    { claim: 'that too', held: false, detail: 'because' },
  ],
}

it('shows what each target holds and what the demo claimed, true or not', () => {
  expect(summaryText(SUMMARY)).toMatchInlineSnapshot(`
    "
    Everything held, in 1:33 minutes.

    database  records, 204 MB, 262,293 rows, PostgreSQL 15.18
    backup    20260926T020000Z-dump-k3f9qa, 31.4 MB, sealed in 7.3 s
    recovery  rows lost by mistake could be read again after 12 s; objective 2 h
    restore   the database, dropped, answered again after 8.0 s

    target  kind  stored after  drill   took   recovered in
    ──────  ────  ────────────  ──────  ─────  ────────────
    aws     s3    9.0 s         proven  21 s   14 s
    google  gcs   9.5 s         failed  3.0 s  –

    ✓ it was so
    ✗ that too
        because
    "
  `)
})

it('does not say that everything held when something did not', () => {
  expect(summaryText({ ...SUMMARY, held: false })).toContain('NOT everything held')
})
