import { moment } from '@lifeboat/shared/domain/ids.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import { eventually } from '@lifeboat/testkit/eventually.ts'
import { expect, it } from 'vitest'
import { alerterWorld } from './alerter-world.ts'
import { at, aWal } from './builders.ts'

it('a cluster that is refused and a promise that is broken are mailed; WAL without a base keeps no promise', async () => {
  await using world = await alerterWorld('26T12:00')
  const { state: _, ...watched } = aWal('26T12:00')
  const promises = { records: { rpo: 3_600_000, rto: 7_200_000 } } as never
  const { turn, deps } = await world.alerter({ wal: [watched], promises })
  const say = (over: object) => deps.walStates.put('records', { ...complete(aWal('26T12:00').state), ...over } as never)
  const error = new LifeboatError('TARGET_KEY_TAKEN', { systemIdentifier: '8' }).toReport()
  const subjects = () => world.smtp.inbox.map(({ subject }) => subject.replace('[lifeboat test] ', '')).sort()
  await say({ status: 'refused', error })
  await eventually(async () => {
    await turn()
    expect(subjects()).toEqual(['OPEN: The WAL of records is refused'])
  })
  world.clock.set('26T13:01')
  const now = moment(at('26T13:01'))
  await say({ status: 'refused', error, at: now })
  await eventually(async () => {
    await turn()
    expect(subjects()).toContain('OPEN: More of records would be lost now than promised')
  })
  await say({ at: now, safe: { ...aWal('26T13:01').state?.safe, at: now } })
  await eventually(async () => {
    await turn()
    expect(subjects()).toContain('RESOLVED: The WAL of records is refused')
  })
  expect(subjects()).not.toContain('RESOLVED: More of records would be lost now than promised')
})

function complete(state: object | undefined): object {
  return { ...state, segmentBytes: 16_777_216 }
}
