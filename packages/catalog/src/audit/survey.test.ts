import type { Moment, TargetId } from '@lifeboat/shared/domain/ids.ts'
import { manifestKey } from '@lifeboat/shared/domain/keys.ts'
import type { Target } from '@lifeboat/storage/target.ts'
import { expect, test } from 'vitest'
import { aBackup } from '../conformance/facts.ts'
import { MemoryCatalog } from '../memory-catalog.ts'
import { surveyTarget } from './survey.ts'

const HOUR = 3_600_000
const NOW = Date.UTC(2026, 8, 30)
const OLD = new Date(NOW - 72 * HOUR).toISOString()

/** A target that lists what it is told. */
function listing(objects: Record<string, number>, storedAt = OLD): Target {
  const keys = Object.keys(objects).sort()
  const list = async function* () {
    for (const key of keys) yield { key, bytes: objects[key] as number, storedAt }
  }
  return { id: 'aws' as TargetId, list, stat: async () => undefined } as unknown as Target
}

type Backup = ReturnType<typeof aBackup>
const objectsOf = ({ backupId, sourceId }: Backup, partBytes: number) => ({
  [`${sourceId}/backups/${backupId}/db.dump.zst.age.00000`]: partBytes,
  [`${sourceId}/backups/${backupId}/RECOVER.md`]: 50,
  [manifestKey(sourceId, backupId)]: 400,
})

async function catalogOf(backups: readonly Backup[]): Promise<MemoryCatalog> {
  const catalog = new MemoryCatalog()
  for (const backup of backups) for (const fact of [backup.sealed(), backup.stored('aws')]) await catalog.apply(fact)
  return catalog
}

const look = async (target: Target, catalog: MemoryCatalog) =>
  surveyTarget(target, catalog, { signal: new AbortController().signal, nowMs: NOW })

test('missing, damaged, unknown and left over are told apart, each for its reason', async () => {
  const backups = Array.from({ length: 30 }, (_, no) => aBackup({ no }))
  const [gone, short, dead, ...whole] = backups as [Backup, Backup, Backup, ...Backup[]]
  const catalog = await catalogOf([gone, short, ...whole])
  await catalog.apply(dead.failed())
  const stranger = aBackup({ no: 77 })
  const target = listing({
    'lifeboat.json': 40,
    ...Object.assign({}, ...whole.map((backup) => objectsOf(backup, 1000 + backups.indexOf(backup)))),
    ...objectsOf(short, 900),
    ...objectsOf(stranger, 1077),
    [`records/backups/${dead.backupId}/db.dump.zst.age.00000`]: 500,
    'records/expired/20260901T020000Z-dump-aaaaaa/20260910T020000Z-mark-aaaaaa.json': 10,
  })
  const { survey, findings, orphans } = await look(target, catalog)
  expect(findings).toEqual([
    { sourceId: 'records', backupId: gone.backupId, found: 'missing', problem: 'nothing of it is there' },
    { sourceId: 'records', backupId: short.backupId, found: 'damaged', problem: 'its parts have 900 of 1001 bytes' },
  ])
  expect(survey).toMatchObject({ missing: 1, damaged: 1, unknown: { records: 1 }, backups: 29 })
  expect(survey.unlisted).toEqual([{ sourceId: 'records', backupId: stranger.backupId }])
  expect(survey.doubt).toBeUndefined()
  expect(orphans.map(({ key }) => key)).toEqual([
    'records/expired/20260901T020000Z-dump-aaaaaa/20260910T020000Z-mark-aaaaaa.json',
    `records/backups/${dead.backupId}/db.dump.zst.age.00000`,
  ])
})

test('of many backups the catalogue does not know the first ten are named, and none by what is no name of a backup', async () => {
  const strangers = Array.from({ length: 12 }, (_, no) => aBackup({ no }))
  const target = listing({
    'lifeboat.json': 40,
    'records/backups/000/manifest.json': 500,
    ...Object.assign({}, ...strangers.map((backup) => objectsOf(backup, 1000))),
  })
  const { survey } = await look(target, await catalogOf([]))
  expect(survey.unknown).toEqual({ records: 13 })
  expect(survey.unlisted?.map(({ backupId }) => backupId)).toEqual(strangers.slice(0, 10).map((one) => one.backupId))
})

test('classes are counted over the whole list, and those that must be thawed are named before the others', async () => {
  const key = (no: number) => `records/wal/00000001/0000000100000000000000${String(no).padStart(2, '0')}`
  const part = (no: number) => `records/backups/20260901T020000Z-dump-aaaaaa/db.dump.zst.age.0000${no}`
  const listed = [
    ...Array.from({ length: 12 }, (_, no) => ({ key: key(no + 10), storageClass: 'STANDARD_IA' })),
    { key: key(99), storageClass: 'GLACIER' },
    { key: part(0), storageClass: 'STANDARD' },
    { key: part(1), storageClass: 'STANDARD' },
    { key: part(2), storageClass: 'STANDARD_IA' },
  ].map((one) => ({ ...one, bytes: 200_000, storedAt: new Date(NOW - 40 * 24 * HOUR).toISOString() }))
  const list = async function* () {
    yield* listed.toSorted((a, b) => (a.key < b.key ? -1 : 1))
  }
  const transition = { class: 'STANDARD_IA', days: { dump: 30 } }
  const target = { id: 'aws' as TargetId, list, stat: async () => undefined, transition } as unknown as Target
  const marks = { dump: { days: 30, since: new Date(NOW - 60 * 24 * HOUR).toISOString() as Moment } }
  const opts = { signal: new AbortController().signal, nowMs: NOW, marks }
  const { classes } = (await surveyTarget(target, await catalogOf([]), opts)).survey
  expect(classes).toMatchObject({
    marks,
    moved: { parts: 1, bytes: 200_000 },
    late: { parts: 2, bytes: 400_000 },
    misplaced: { objects: 13, offline: 1 },
  })
  expect(classes?.misplaced.shown).toHaveLength(10)
  expect(classes?.misplaced.shown[0]).toEqual({ key: key(99), storageClass: 'GLACIER' })
})

test('a store that has no classes has no count of them', async () => {
  expect((await look(listing({ 'lifeboat.json': 40 }), await catalogOf([]))).survey.classes).toBeUndefined()
})

test('a target that lists nothing is not believed: nothing is missing, nothing is swept', async () => {
  const backups = Array.from({ length: 10 }, (_, no) => aBackup({ no }))
  const { survey, findings, orphans } = await look(listing({}), await catalogOf(backups))
  expect(survey).toMatchObject({ missing: 10, doubt: 'the marker lifeboat.json is not there' })
  expect(findings).toEqual([])
  expect(orphans).toEqual([])
})

test('half of the backups are not there: that is no loss before a person says so', async () => {
  const backups = Array.from({ length: 10 }, (_, no) => aBackup({ no }))
  const half = Object.assign({}, ...backups.slice(5).map((backup, i) => objectsOf(backup, 1005 + i)))
  const { survey, findings } = await look(listing({ 'lifeboat.json': 40, ...half }), await catalogOf(backups))
  expect(survey.doubt).toBe('5 of 10 backups are not there')
  expect(findings).toEqual([])
})

test('what was stored while the list was read is not missing, and a young upload is no leftover', async () => {
  const backup = aBackup({ no: 0 })
  const catalog = new MemoryCatalog()
  await catalog.apply(backup.sealed())
  const stored = backup.stored('aws')
  const late = { ...stored, data: { ...stored.data, storedAt: new Date(NOW - 1000).toISOString() } }
  await catalog.apply(late as typeof stored)
  const young = listing(
    { 'lifeboat.json': 40, 'other/backups/20260929T230000Z-dump-aaaaaa/db.dump.zst.age.00000': 9 },
    new Date(NOW - HOUR).toISOString(),
  )
  const { findings, orphans } = await look(young, catalog)
  expect(findings).toEqual([])
  expect(orphans).toEqual([])
})

test('a backup that is there again after it was missing is whole', async () => {
  const backup = aBackup({ no: 0 })
  const catalog = await catalogOf([backup])
  const about = { backupId: backup.backupId, sourceId: backup.sourceId, targetId: 'aws' as TargetId }
  const at = new Date(NOW - HOUR).toISOString() as never
  await catalog.apply({ subject: 'copy.audited', data: { ...about, at, found: 'missing', problem: 'x' } })
  expect((await catalog.get(backup.backupId))?.copies['aws' as TargetId]?.state).toBe('missing')
  const { findings } = await look(listing({ 'lifeboat.json': 40, ...objectsOf(backup, 1000) }), catalog)
  expect(findings).toMatchObject([{ found: 'whole' }])
})

test('what has been damaged for a day and was not mended is asked for again, and nothing new is told of it', async () => {
  const [damaged, ...whole] = Array.from({ length: 5 }, (_, no) => aBackup({ no })) as [Backup, ...Backup[]]
  const catalog = await catalogOf([damaged, ...whole])
  const found = async (hoursAgo: number) => {
    const at = new Date(NOW - hoursAgo * HOUR).toISOString() as never
    const { backupId, sourceId } = damaged
    const about = { backupId, sourceId, targetId: 'aws' as TargetId }
    await catalog.apply({ subject: 'copy.audited', data: { ...about, at, found: 'damaged', problem: 'bytes' } })
  }
  const objects = Object.assign({}, ...[damaged, ...whole].map((backup, no) => objectsOf(backup, 1000 + no)))
  const all = listing({ 'lifeboat.json': 40, ...objects })
  await found(21)
  const { findings, unmended } = await look(all, catalog)
  expect(findings).toEqual([])
  expect(unmended).toMatchObject([{ backupId: damaged.backupId, found: 'damaged', problem: 'bytes' }])
  expect((await look(listing(objects), catalog)).unmended).toEqual([])
  await found(19)
  expect((await look(all, catalog)).unmended).toEqual([])
})
