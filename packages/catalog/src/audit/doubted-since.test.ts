import { moment, type TargetId } from '@lifeboat/shared/domain/ids.ts'
import { expect, test } from 'vitest'
import type { TargetSurvey } from './buckets.ts'
import { withDoubtedSince } from './doubted-since.ts'

const survey = (minute: number, doubt?: string): TargetSurvey => ({
  ...{ targetId: 'aws' as TargetId, at: moment(Date.UTC(2026, 8, 26, 2, minute)), objects: 0, bytes: 0, backups: 0 },
  ...{ missing: 0, damaged: 0, unknown: {}, orphans: { objects: 0, bytes: 0 }, ...(doubt && { doubt }) },
})

test('doubt counts from the first look that was not believed, and a look that is believed ends it', () => {
  const first = withDoubtedSince(survey(0, 'x'), survey(-10))
  const second = withDoubtedSince(survey(10, 'y'), first)
  expect([first.doubtedSince, second.doubtedSince]).toEqual([first.at, first.at])
  const calm = withDoubtedSince(survey(20), second)
  expect(calm.doubtedSince).toBeUndefined()
  expect(withDoubtedSince(survey(30, 'z'), calm).doubtedSince).toBe(survey(30).at)
})
