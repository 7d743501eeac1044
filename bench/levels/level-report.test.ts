import { expect, test } from 'vitest'
import { levelReport } from './level-report.ts'

test('the clock and the commits that were lost are each held against what the level promises', () => {
  const databaseBytes = 1e9
  const report = levelReport(
    [
      { level: 1, lost: 'NATS', way: 'Mend it', databaseBytes, goesOnAfter: 18 },
      {
        level: 3,
        lost: 'the host',
        way: 'Bring it back',
        databaseBytes,
        answersAfter: 36,
        goesOnAfter: 90,
        lostMs: 1800,
      },
    ],
    new Map([
      [1, { withinMs: 1_800_000, lostMs: 0 }],
      [3, { withinMs: 3_600_000, lostMs: 18_000 }],
    ]),
  )
  expect(report.tables[0]?.rows.map((row) => row.slice(4))).toEqual([
    ['–', '18.0', '30 min', '–', 'nothing'],
    ['36.0', '90.0', '1 h', '1.8', '18 s'],
  ])
  expect(report.ratios?.map(({ ratio }) => ratio)).toEqual([0.01, 0.01, 0.1])
})
