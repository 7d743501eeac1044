import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import { silentLogger } from '@lifeboat/shared/log/logger.ts'
import { expect, test } from 'vitest'
import { openHangUp } from './hang-up.ts'
import type { Road } from './road.ts'

const shut = new LifeboatError('SOURCE_UNREACHABLE', { sqlState: '57P03' })
const gone = new LifeboatError('SOURCE_UNREACHABLE', { systemCode: 'ECONNREFUSED' })

/** What happens second by second; the seconds at which it hangs up. */
function hungUp(course: ('answers' | LifeboatError)[], stream: object | null = {}): number[] {
  const at: number[] = []
  let second = 0
  const now = { stream: stream ?? undefined, serverLsn: 5n, standing: undefined, hangUp: () => at.push(second) }
  const road = { now, wal: { letGoAfter: 3_000 }, log: silentLogger, slot: 'lifeboat_records' } as unknown as Road
  const hangUp = openHangUp(road, () => second * 1000)
  for (const each of course) {
    if (each === 'answers') hangUp.answered()
    else hangUp.refused(each)
    second += 1
  }
  return at
}

test('a server that stops is given its time, and then let go once', () => {
  expect(hungUp(['answers', shut, shut, shut, shut, shut, shut])).toEqual([4])
})

test('a server that never let anybody in is none that stops', () => {
  expect(hungUp([shut, shut, shut, shut, shut, shut])).toEqual([])
})

test('one that is only out of reach, that answers again, or whose stream has ended is not hung up on', () => {
  expect(hungUp(['answers', gone, gone, gone, gone, gone])).toEqual([])
  expect(hungUp(['answers', shut, shut, 'answers', shut, shut, 'answers'])).toEqual([])
  expect(hungUp(['answers', shut, shut, shut, shut, shut], null)).toEqual([])
})
