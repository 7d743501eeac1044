import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { SURVEYS_BUCKET, WAL_DAMAGE_BUCKET } from '@lifeboat/catalog/audit/buckets.ts'
import { KvCatalog } from '@lifeboat/catalog/kv-catalog.ts'
import { moment, type SourceId, type TargetId } from '@lifeboat/shared/domain/ids.ts'
import { segmentAt, walKey } from '@lifeboat/shared/domain/wal.ts'
import { openFilesystem } from '@lifeboat/storage/filesystem.ts'
import { putObjects, smallCopy } from '@lifeboat/testkit/small-copy.ts'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { startFleet, type TestFleet } from './fleet.ts'
import { cli } from './run-cli.ts'

let fleet: TestFleet
beforeEach(async () => {
  fleet = await startFleet()
})
afterEach(() => fleet[Symbol.asyncDispose]())

const WAL = [1n, 2n].map((no) =>
  walKey('records' as SourceId, { kind: 'segment', segment: segmentAt(1, no << 24n, 1 << 24), digest: 'a'.repeat(16) }),
)

test('an audit that lists finds nothing wrong where one that reads finds the flipped byte, tells it and asks for it to be made whole', async () => {
  const copies = [2, 1].map((hours) => smallCopy({ targets: ['aws'], atMs: Date.now() - hours * 3_600_000 }))
  await mkdir(join(fleet.dir, 'aws'))
  await using aws = await openFilesystem(
    'aws' as TargetId,
    { kind: 'filesystem', path: join(fleet.dir, 'aws'), prefix: '' } as never,
  )
  const catalog = await KvCatalog.open(fleet.bus)
  await putObjects(aws, [
    ['lifeboat.json', Buffer.from('{}')],
    ...WAL.map((key) => [key, Buffer.from(`WAL ${key}`)] as const),
  ])
  for (const copy of copies) {
    await putObjects(aws, copy.objects)
    await catalog.apply({ subject: 'backup.sealed', data: copy.sealed })
    await catalog.apply({ subject: 'copy.stored', data: copy.stored('aws') })
  }
  const [bad] = copies
  const path = join(fleet.dir, 'aws', bad?.partKeys[1] ?? '')
  const bytes = await readFile(path)
  bytes[99] = (bytes[99] ?? 0) ^ 1
  await writeFile(path, bytes)

  expect((await cli(fleet.dir, ['target', 'audit', 'aws'])).code).toBe(0)
  const deep = await cli(fleet.dir, ['target', 'audit', 'aws', '--all'])
  expect(deep.code).toBe(7)
  expect(deep.err).toMatch(/read aws {2}\d+ % of /)
  expect(deep.out).toContain('2 copies read, ')
  expect(deep.out).toContain(`damaged: ${bad?.backupId} of records: the bytes of db.dump.zst.age.00001 are not those`)
  const json = await cli(fleet.dir, ['target', 'audit', 'aws', '--all', '--json'])
  expect(JSON.parse(json.out)[0].read).toMatchObject({
    copies: 2,
    bad: [{ backupId: bad?.backupId, found: 'damaged' }],
  })

  const [segment = ''] = WAL
  const walPath = join(fleet.dir, 'aws', segment)
  const wal = await readFile(walPath)
  wal[9] = (wal[9] ?? 0) ^ 1
  await writeFile(walPath, wal)
  const withWal = await cli(fleet.dir, ['target', 'audit', 'aws', '--all'])
  expect(withWal.code).toBe(7)
  expect(withWal.out).toContain('2 objects of WAL read, ')
  expect(withWal.out).toContain(`damaged: ${segment}: its bytes are not those that were put there`)
  const damages = await Array.fromAsync((await fleet.bus.bucket(WAL_DAMAGE_BUCKET)).entries())
  expect(damages.map(({ value }) => value)).toMatchObject([{ key: segment, targetId: 'aws', found: 'damaged' }])

  const [, gone] = copies
  await rm(join(fleet.dir, 'aws', [...(gone?.objects.keys() ?? [])].at(-1) ?? ''))
  const listed = await cli(fleet.dir, ['target', 'audit', 'aws'])
  expect(listed.out).toContain(`missing: ${gone?.backupId} of records: its manifest is not there`)
  const subjects: string[] = []
  for await (const { subject } of fleet.bus.observe({ signal: AbortSignal.timeout(120_000), follow: false }))
    subjects.push(subject)
  expect(subjects.filter((subject) => subject.includes('copy.audited'))).toHaveLength(7)
  expect(subjects.filter((subject) => subject.includes('copy.remake-requested'))).toHaveLength(4)
})

test('a target in which nothing lay at the last look is not surveyed yet once a copy was stored there; one that lost its copies is', async () => {
  const surveys = await fleet.bus.bucket(SURVEYS_BUCKET)
  const survey = {
    ...{ targetId: 'aws' as TargetId, at: moment(Date.now() - 3_600_000), objects: 0, bytes: 0, backups: 0 },
    ...{ missing: 0, damaged: 0, unknown: {}, orphans: { objects: 0, bytes: 0 } },
  }
  const line = async () => {
    const { out } = await cli(fleet.dir, ['target', 'list'])
    return out.split('\n').find((each) => each.startsWith('aws'))
  }
  await surveys.put('aws', survey)
  expect(await line()).toMatch(/^aws +filesystem +0 +0 B +\d/)
  const copy = smallCopy({ targets: ['aws'] })
  const catalog = await KvCatalog.open(fleet.bus)
  await catalog.apply({ subject: 'backup.sealed', data: copy.sealed })
  await catalog.apply({ subject: 'copy.stored', data: copy.stored('aws') })
  expect(await line()).toMatch(/^aws +filesystem +- +- +not surveyed yet/)
  await surveys.put('aws', { ...survey, missing: 1 })
  expect(await line()).toMatch(/^aws +filesystem +0 .*1 missing/)
})
