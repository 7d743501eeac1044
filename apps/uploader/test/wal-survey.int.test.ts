import { mkdir, readFile, rename, rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { WalAudited } from '@lifeboat/shared/bus/messages/audit.ts'
import { moment, type TargetId } from '@lifeboat/shared/domain/ids.ts'
import { FLEET_KEY } from '@lifeboat/shared/domain/keys.ts'
import { until } from '@lifeboat/testkit/eventually.ts'
import { expect, test } from 'vitest'
import { BAD, bytesOf, HOUR, KEYS, startPlace } from './support/wal-place.ts'

const THREE = ['aws', 'gcp', 'nas']

/** All of it was seen at every target once. */
async function seenPlace(opts: Parameters<typeof startPlace>[1] = { mayRemove: true }) {
  const at = await startPlace(THREE, opts)
  await at.survey()
  return at
}

test('a segment that vanished from one target is told, put anew from another, and that waits to be told', async () => {
  await using at = await seenPlace()
  await rm(at.path('gcp', BAD))
  await at.surveyIsDue(5.9)
  await at.survey()
  expect(await at.all()).toEqual([])
  await at.surveyIsDue()
  await at.survey()
  const [found, mended] = await until(
    () => at.fleet.facts(WalAudited),
    (facts) => facts.length === 2,
  )
  expect(found).toMatchObject({ targetId: 'gcp', key: BAD, found: 'missing', problem: 'it is not there any more' })
  expect(mended).toMatchObject({ targetId: 'gcp', key: BAD, found: 'whole' })
  expect((await readFile(at.path('gcp', BAD))).equals(bytesOf(BAD))).toBe(true)
  // It is told first and written down then.
  const [damage, ...others] = await until(
    () => at.all(),
    ([one]) => one?.mended !== undefined,
  )
  expect([damage, others]).toMatchObject([{ targetId: 'gcp', found: 'missing', mended: { from: mended?.from } }, []])
  expect((await at.surveys())[0]?.gone).toEqual([])
})

test('a look that is ended by a stop is due as it was before', async () => {
  await using at = await seenPlace()
  await rm(at.path('gcp', BAD))
  await at.surveyIsDue()
  const before = await at.surveys()
  const stopping = new AbortController()
  const stopped = at.survey({ between: async () => stopping.abort(new Error('stopped')), stop: stopping.signal })
  await expect(stopped).rejects.toThrow('stopped')
  expect(await at.surveys()).toEqual(before)
  await at.survey()
  await until(
    () => at.fleet.facts(WalAudited),
    (facts) => facts.length === 2,
  )
})

test('what no target has any more is written down, with the moment before it, until one has it again', async () => {
  await using at = await seenPlace()
  const kept = await readFile(at.path('aws', BAD))
  for (const target of THREE) await rm(at.path(target, BAD))
  await at.surveyIsDue()
  await at.survey()
  const [survey] = await at.surveys()
  expect(survey?.gone).toMatchObject([{ timeline: 1, from: '0/2000000', to: '0/3000000' }])
  const [hole] = survey?.gone ?? []
  const ageMs = Date.now() - Date.parse(hole?.until ?? '')
  expect(ageMs > 5 * 60_000 && ageMs < 10 * 60_000).toBe(true)
  expect(await at.all()).toEqual([])
  await at.surveyIsDue()
  await at.survey()
  expect((await at.surveys())[0]?.gone).toEqual([hole])
  await at.write('nas', BAD, kept)
  await at.surveyIsDue(0.9)
  await at.survey()
  expect((await at.surveys())[0]?.gone).toEqual([hole])
  // Whoever put it back is not told for long that it is lost.
  await at.surveyIsDue(1)
  await at.survey()
  expect((await at.surveys())[0]?.gone).toEqual([])
  // And the others get it from there.
  await until(
    () => Promise.all(['aws', 'gcp'].map((target) => readFile(at.path(target, BAD)).catch(() => undefined))),
    (there) => there.every((bytes) => bytes?.equals(kept)),
  )
})

test('a history that no target has any more is written down where its timeline begins, until one has it again', async () => {
  await using at = await startPlace(THREE, { mayRemove: true })
  const key = await at.wentOver(2, '0/4000000')
  await at.survey()
  const kept = await readFile(at.path('aws', key))
  for (const target of THREE) await rm(at.path(target, key))
  await at.surveyIsDue()
  await at.survey()
  const place = { timeline: 2, from: '0/4000000', to: '0/4000000', history: true }
  expect((await at.surveys())[0]?.gone).toMatchObject([place])
  await mkdir(dirname(at.path('nas', key)), { recursive: true })
  await at.write('nas', key, kept)
  await at.surveyIsDue()
  await at.survey()
  expect((await at.surveys())[0]?.gone).toEqual([])
  await until(
    () => readFile(at.path('aws', key)).catch(() => undefined),
    (bytes) => bytes?.equals(kept) === true,
  )
})

test('of what a target was filled with late only a base before it says when it was written', async () => {
  await using at = await seenPlace()
  const endedMs = Date.now() - 96 * HOUR
  await at.aBaseBegan(endedMs, '0/1000028')
  await at.aBaseBegan(Date.now() - 72 * HOUR, '0/3000028')
  for (const target of THREE) await rm(at.path(target, BAD))
  await at.surveyIsDue()
  await at.survey()
  expect((await at.surveys())[0]?.gone).toMatchObject([{ from: '0/2000000', until: moment(endedMs) }])
})

test('WAL that is damaged at one target and gone from the others is gone', async () => {
  await using at = await seenPlace({ mayRemove: false })
  for (const target of ['gcp', 'nas']) await rm(at.path(target, BAD))
  await at.noteDamaged(BAD)
  await at.surveyIsDue()
  await at.survey()
  expect((await at.surveys())[0]?.gone).toMatchObject([{ from: '0/2000000', to: '0/3000000' }])
})

test('a target that cannot be listed, or shows no marker of its own, says nothing of what is gone', async () => {
  await using at = await seenPlace()
  for (const target of ['aws', 'gcp']) await rm(at.path(target, BAD))
  await rename(at.path('nas', ''), at.path('unmounted', ''))
  await at.surveyIsDue()
  await at.survey()
  expect((await at.surveys())[0]?.gone).toEqual([])
  await rename(at.path('unmounted', ''), at.path('nas', ''))
  await rm(at.path('nas', BAD))
  await rm(at.path('nas', FLEET_KEY))
  await at.surveyIsDue()
  await at.survey()
  expect((await at.surveys())[0]?.gone).toEqual([])
})

test('a target this uploader is not configured for may have it: nothing is called gone', async () => {
  await using at = await seenPlace()
  await at.goesAlsoTo('cold')
  for (const target of THREE) await rm(at.path(target, BAD))
  await at.surveyIsDue()
  await at.survey()
  expect((await at.surveys())[0]?.gone).toEqual([])
})

test('what was let go is not missing; what is let go at this very moment is not called so either', async () => {
  await using at = await seenPlace()
  const [first = ''] = KEYS
  await rm(at.path('gcp', first))
  await at.letGoBefore('gcp', '0/2000000')
  await at.surveyIsDue()
  await at.survey()
  expect(await at.all()).toEqual([])

  await rm(at.path('gcp', BAD))
  await at.surveyIsDue()
  // Between the two looks the beginning moves on.
  const [third = ''] = KEYS.slice(2)
  await at.survey({ between: () => rm(at.path('gcp', third)) })
  expect(await at.all()).toEqual([])
  await at.surveyIsDue()
  await at.survey()
  await until(
    () => at.all(),
    (told) => told.length === 2,
  )
})

test('what was let go everywhere while no agent runs is neither gone nor missing', async () => {
  await using at = await seenPlace()
  const [first = ''] = KEYS
  for (const target of THREE) {
    await at.noteLetGoBefore(target, '0/2000000')
    await rm(at.path(target, first))
  }
  await at.noteLetGoBefore('gcp', '0/3000000')
  await rm(at.path('gcp', BAD))
  await at.surveyIsDue()
  await at.survey()
  expect((await at.surveys())[0]?.gone).toEqual([])
  expect(await at.all()).toEqual([])
})

test('what was let go of a timeline the cluster was put back from counts no more: what is written there since is missed', async () => {
  await using at = await seenPlace()
  for (const target of THREE) {
    await at.noteLetGoBefore(target, '0/4000000', 2)
    await rm(at.path(target, BAD))
  }
  await at.surveyIsDue()
  await at.survey()
  expect((await at.surveys())[0]?.gone).toMatchObject([{ timeline: 1, from: '0/2000000', to: '0/3000000' }])
})

test('a target that never had it is not told to have lost it', async () => {
  await using at = await startPlace(THREE, { mayRemove: true })
  for (const key of KEYS.slice(0, 2)) await rm(at.path('nas', key))
  for (let look = 0; look < 2; look += 1) {
    await at.survey()
    await at.surveyIsDue()
  }
  await at.survey()
  expect(await at.all()).toEqual([])
  expect((await at.surveys())[0]?.seen['nas' as TargetId]).toEqual({
    spans: [{ timeline: 1, from: '0/3000000', to: '0/4000000' }],
    histories: [],
  })
})

test('uploaders share one look', async () => {
  await using at = await seenPlace()
  await rm(at.path('gcp', BAD))
  await at.surveyIsDue()
  await Promise.all([at.survey(), at.survey()])
  const found = (await at.fleet.facts(WalAudited)).filter((fact) => fact.found === 'missing')
  expect(found).toHaveLength(1)
})
