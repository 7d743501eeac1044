import { mkdir, readFile, rename, rm } from 'node:fs/promises'
import { WalAudited } from '@lifeboat/shared/bus/messages/audit.ts'
import { moment } from '@lifeboat/shared/domain/ids.ts'
import type { Fault } from '@lifeboat/storage/layers/faulty.ts'
import { until } from '@lifeboat/testkit/eventually.ts'
import { expect, test } from 'vitest'
import { BAD, bytesOf, HALF, HOUR, KEYS, startPlace, TRIES } from './support/wal-place.ts'

test('a flipped byte in WAL is found when its turn comes, told, and put anew from the target that has the right bytes', async () => {
  await using at = await startPlace(['aws', 'gcp', 'nas'], { mayRemove: true })
  await at.flip('aws', BAD)
  // This one has other bytes as well: it must not be taken from there.
  await at.flip('gcp', BAD)
  await at.aDayPasses()
  await at.read()
  const [found, mended] = await until(
    () => at.fleet.facts(WalAudited),
    (facts) => facts.length === 2,
  )
  expect(found).toMatchObject({ targetId: 'aws', key: BAD, found: 'damaged' })
  expect(found?.problem).toBe('its bytes are not those that were put there')
  expect(mended).toMatchObject({ targetId: 'aws', key: BAD, found: 'whole', from: 'nas' })
  expect((await readFile(at.path('aws', BAD))).equals(bytesOf(BAD))).toBe(true)
  // It is told first and written down then.
  await until(
    () => at.damaged(),
    (damages) => damages.length === 0,
  )
})

test('a reading that is ended by a stop is begun anew: whose turn it was is not left out until its next one', async () => {
  await using at = await startPlace(['aws', 'gcp'], { mayRemove: true })
  await at.flip('aws', BAD)
  await at.aDayPasses()
  const before = await at.reads()
  const stopping = new AbortController()
  const stop = async () => stopping.abort(new Error('stopped'))
  await expect(at.read(1, { before: stop, stop: stopping.signal })).rejects.toThrow('stopped')
  expect(await at.reads()).toEqual(before)
  await at.read()
  expect(await at.fleet.whenFacts(WalAudited, 2)).toMatchObject([{ found: 'damaged' }, { found: 'whole' }])
})

test('nothing new is told of damaged WAL while an empty folder lies where the disk should be mounted', async () => {
  await using at = await startPlace(['aws'], { mayRemove: false })
  await at.noteDamaged(BAD)
  const known = await at.all()
  await rename(at.path('aws', ''), at.path('unmounted', ''))
  await mkdir(at.path('aws', ''))
  await at.sixHoursPass()
  await at.read()
  expect(await at.all()).toEqual(known)
  expect(await at.fleet.facts(WalAudited)).toEqual([])
})

test('what no other target has stays damaged, aloud; it is read again ever more seldom, at once when it vanished, and ends when it was let go', async () => {
  await using at = await startPlace(['aws', 'gcp'], { mayRemove: true })
  for (const target of ['aws', 'gcp']) await at.flip(target, BAD)
  await at.aDayPasses()
  await at.read()
  const lost = await until(
    () => at.damaged(),
    ([damage]) => damage?.problem.includes('no other target') === true,
  )
  expect(lost).toMatchObject([{ targetId: 'aws', key: BAD, found: 'damaged', stuck: { reason: 'nowhere', tries: 1 } }])
  expect(lost[0]?.problem).toBe('its bytes are not those that were put there; no other target has it whole')
  await at.fleet.whenFacts(WalAudited, 2)
  await at.sixHoursPass()
  await at.read()
  expect(await at.damaged()).toEqual(lost)
  expect(await at.fleet.facts(WalAudited)).toHaveLength(2)
  await at.restIsOver()
  await at.sixHoursPass()
  await at.read()
  const again = await until(
    () => at.damaged(),
    ([damage]) => damage?.stuck?.tries === 2,
  )
  // Found by the look, and told once more by who could not mend it; then both again.
  expect(await at.fleet.whenFacts(WalAudited, 4)).toHaveLength(4)
  expect(again[0]?.since).toBe(lost[0]?.since)
  for (const target of ['aws', 'gcp']) await rm(at.path(target, BAD))
  // Its last byte is inside the window still.
  await at.letGoBefore('aws', '0/2FFFFFF')
  await at.sixHoursPass()
  await at.read()
  const gone = await until(
    () => at.damaged(),
    ([damage]) => damage?.problem === 'it is not there; no other target has it whole',
  )
  expect(gone).toMatchObject([{ found: 'missing', since: lost[0]?.since }])
  await at.letGoBefore('aws', '0/3000000')
  await at.sixHoursPass()
  await at.read()
  await until(
    () => at.damaged(),
    (damages) => damages.length === 0,
  )
})

test('what is known to be damaged is looked at again also where no samples are read', async () => {
  await using at = await startPlace(['aws', 'gcp'], { mayRemove: true })
  await at.read(0)
  expect((await at.reads()).map(({ targetId }) => targetId)).toContain('aws')
  await at.flip('aws', BAD)
  await at.aDayPasses()
  await at.read(0)
  expect(await at.damaged()).toEqual([])
  await at.noteDamaged(BAD)
  await at.sixHoursPass()
  await at.read(0)
  await until(
    () => at.damaged(),
    (damages) => damages.length === 0,
  )
  expect((await readFile(at.path('aws', BAD))).equals(bytesOf(BAD))).toBe(true)
})

test('what was put anew waits until an alerter has told of it, and is forgotten after a week where none does', async () => {
  await using at = await startPlace(['aws', 'gcp'], { mayRemove: true })
  await at.flip('aws', BAD)
  await at.aDayPasses()
  await at.read()
  const [damage] = await until(
    () => at.all(),
    ([one]) => one?.mended !== undefined,
  )
  expect(damage).toMatchObject({ found: 'damaged', mended: { from: 'gcp' } })
  await at.sixHoursPass()
  await at.read()
  expect(await at.all()).toEqual([damage])
  await at.put({ ...damage, mended: { at: at.past(8 * 24) } })
  await at.sixHoursPass()
  await at.read()
  expect(await at.all()).toEqual([])
})

test('what vanished inside the window of its own target comes back from another, though a third let go of it', async () => {
  await using at = await startPlace(['aws', 'gcp', 'nas'], { mayRemove: true })
  await at.flip('aws', BAD)
  await at.flip('gcp', BAD)
  await at.flip('nas', BAD)
  await at.aDayPasses()
  await at.read()
  await until(
    () => at.damaged(),
    ([damage]) => damage?.problem.includes('no other target') === true,
  )
  await rm(at.path('aws', BAD))
  await at.letGoBefore('gcp', '0/3000000')
  await at.flip('nas', BAD)
  await at.sixHoursPass()
  await at.read()
  await until(
    () => at.damaged(),
    (damages) => damages.length === 0,
  )
  expect((await readFile(at.path('aws', BAD))).equals(bytesOf(BAD))).toBe(true)
})

test('another target that cannot be reached is not taken for this one: what it may have is told, and this one is asked on', async () => {
  const away = { on: 'stat', times: Number.POSITIVE_INFINITY, does: { fail: 'TARGET_UNREACHABLE' } } as const
  await using at = await startPlace(['aws', 'gcp'], { mayRemove: true, spoilt: { gcp: [away] } })
  for (const key of KEYS) await at.flip('aws', key)
  await at.aDayPasses()
  await at.read()
  const problem = `its bytes are not those that were put there; gcp could not be read, and no other target has it whole`
  await until(
    () => at.damaged(),
    (damages) => damages.length === KEYS.length && damages.every((damage) => damage.problem === problem),
  )
  expect(at.wasAway('aws')).toBe(false)
})

test('another target that breaks off in the middle is no trouble of this one either; what could not be put is missing until the next turn', async () => {
  const script = [1e9, HALF].map((cutAfter): Fault => ({ on: 'get', key: BAD, does: { cutAfter } }))
  await using at = await startPlace(['aws', 'gcp'], { mayRemove: true, spoilt: { gcp: script } })
  await at.flip('aws', BAD)
  await at.aDayPasses()
  await at.read()
  const problem = 'it is not there; gcp could not be read, and no other target has it whole'
  const lost = await until(
    () => at.damaged(),
    ([damage]) => damage?.problem === problem,
  )
  expect(lost).toMatchObject([{ key: BAD, found: 'missing' }])
  await at.sixHoursPass()
  await at.read()
  await until(
    () => at.damaged(),
    (damages) => damages.length === 0,
  )
  expect((await readFile(at.path('aws', BAD))).equals(bytesOf(BAD))).toBe(true)
})

test('a target whose puts break in the middle is taken for away itself, not the one that is read: what was removed there is put when it is back', async () => {
  const broken: Fault = { on: 'put', key: BAD, does: { cutAfter: HALF }, times: 3 * TRIES }
  await using at = await startPlace(['aws', 'gcp'], { mayRemove: true, spoilt: { aws: [broken] } })
  await at.flip('aws', BAD)
  await at.aDayPasses()
  await at.read()
  // A moment later it is tried again, and is back.
  await until(
    async () => at.wasAway('aws'),
    (away) => away,
  )
  expect(at.wasAway('gcp')).toBe(false)
  // Nobody reads once more: the wish stays until it is done.
  await until(
    () => at.damaged(),
    (damages) => damages.length === 0,
  )
  expect((await readFile(at.path('aws', BAD))).equals(bytesOf(BAD))).toBe(true)
  const told = (await at.fleet.facts(WalAudited)).map(({ found, from }) => [found, from])
  expect(told).toEqual([
    ['damaged', undefined],
    ['whole', 'gcp'],
  ])
})

test('where nothing may be removed, what is wrong stays and says why, and nothing is read elsewhere for it', async () => {
  const away = { on: 'stat', times: Number.POSITIVE_INFINITY, does: { fail: 'TARGET_UNREACHABLE' } } as const
  await using at = await startPlace(['aws', 'gcp'], { mayRemove: false, spoilt: { gcp: [away] } })
  await at.flip('aws', BAD)
  await at.aDayPasses()
  await at.read()
  const problem = 'its bytes are not those that were put there; this target has no removal credentials'
  const [stuck] = await until(
    () => at.damaged(),
    ([damage]) => damage?.problem === problem,
  )
  expect(stuck?.stuck).toMatchObject({ reason: 'no-removal', tries: 1 })
})

test('what the store holds is not tried before its lock ends, and nothing is read elsewhere for it', async () => {
  const away = { on: 'stat', times: Number.POSITIVE_INFINITY, does: { fail: 'TARGET_UNREACHABLE' } } as const
  const until3h = moment(Date.now() + 3 * HOUR)
  await using at = await startPlace(['aws', 'gcp'], {
    mayRemove: true,
    spoilt: { gcp: [away] },
    locked: { aws: until3h },
  })
  await at.flip('aws', BAD)
  await at.aDayPasses()
  await at.read()
  const [stuck] = await until(
    () => at.damaged(),
    ([damage]) => damage?.stuck !== undefined,
  )
  expect(stuck?.stuck).toMatchObject({ reason: 'locked', why: `the store holds it until ${until3h}`, again: until3h })
})

test('uploaders share one turn, the first look reads nothing, and six hours pass before the next', async () => {
  await using at = await startPlace(['aws', 'gcp'], { mayRemove: true })
  await at.flip('aws', BAD)
  await at.firstLook()
  expect(await at.fleet.facts(WalAudited)).toEqual([])
  await at.aDayPasses()
  await Promise.all([at.read(), at.read()])
  await at.read()
  expect((await at.fleet.facts(WalAudited)).filter(({ found }) => found === 'damaged')).toHaveLength(1)
})
