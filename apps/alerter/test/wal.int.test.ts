import { walDamageKey } from '@lifeboat/catalog/audit/buckets.ts'
import { moment } from '@lifeboat/shared/domain/ids.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import { eventually } from '@lifeboat/testkit/eventually.ts'
import { expect, it } from 'vitest'
import { alerterWorld } from './alerter-world.ts'
import { at, aWal, walDamage } from './builders.ts'

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

it('WAL that was put anew before anybody looked is mailed all the same, once as open and once as resolved', async () => {
  await using world = await alerterWorld('26T12:00')
  const { turn, deps } = await world.alerter()
  const mended = { at: moment(at('26T11:59')), from: 'alpha' }
  const damage = walDamage('000000010000000000000003', { found: 'missing', mended })
  const [open, over] = [walDamage('000000010000000000000004'), walDamageKey(damage)]
  for (const one of [damage, open]) await deps.walDamage.put(walDamageKey(one), one)
  const subjects = () => world.smtp.inbox.map(({ subject }) => subject.replace('[lifeboat test] ', ''))
  await eventually(async () => {
    await turn()
    expect(subjects()).toEqual(['OPEN: WAL of records on beta is damaged or missing'])
  })
  expect(world.smtp.inbox[0]?.text).toContain('put anew from alpha')
  expect(await deps.walDamage.get(over)).toBeUndefined()
  // What is still open stays, and the incident with it.
  expect(await deps.walDamage.get(walDamageKey(open))).toBeDefined()
  await deps.walDamage.put(walDamageKey(open), { ...open, mended: { at: moment(at('26T12:00')) } })
  await eventually(async () => {
    await turn()
    expect(subjects()).toContain('RESOLVED: WAL of records on beta is damaged or missing')
  })
  expect(await Array.fromAsync(deps.walDamage.entries())).toEqual([])
})

function complete(state: object | undefined): object {
  return { ...state, segmentBytes: 16_777_216 }
}
