import { type ErrorReport, LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import { expect, test } from 'vitest'
import { orObstacle } from './bare-plan.ts'

test('what two checks find alike stands against a plan once', async () => {
  const obstacles: ErrorReport[] = []
  const refused = (user: string) => async () => {
    throw new LifeboatError('SOURCE_AUTH_REFUSED', { user })
  }
  for (const user of ['postgres', 'postgres', 'lifeboat']) await orObstacle(obstacles, refused(user))
  expect(obstacles.map(({ facts }) => facts.user)).toEqual(['postgres', 'lifeboat'])
})
