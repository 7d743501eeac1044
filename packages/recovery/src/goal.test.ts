import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import { expect, test } from 'vitest'
import { parseGoalTime } from './goal.ts'

const code = (text: string) => {
  try {
    return parseGoalTime(text)
  } catch (thrown) {
    return LifeboatError.from(thrown).code
  }
}

test.each([
  ['2026-09-26T14:00:00+02:00', '2026-09-26T12:00:00.000Z'],
  ['2026-09-26 14:00:00.123456+0530', '2026-09-26T08:30:00.123Z'],
  ['2026-09-26 14:00+02', '2026-09-26T12:00:00.000Z'],
  ['2026-09-26T14:00:00Z', '2026-09-26T14:00:00.000Z'],
])('%s is %s', (text, moment) => expect(code(text)).toBe(moment))

test.each(['2026-09-26T14:00:00', '2026-09-26 14:00'])('%s is refused: it has no offset', (text) =>
  expect(code(text)).toBe('RECOVERY_TIME_UNZONED'),
)

test.each(['yesterday', '2026-09-26', '2026-99-26T14:00:00Z', '14:00Z'])('%s is refused: it is no time', (text) =>
  expect(code(text)).toBe('RECOVERY_GOAL_UNREADABLE'),
)
