import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { SURVEYS_BUCKET, type TargetSurvey, WAL_DAMAGE_BUCKET } from '@lifeboat/catalog/audit/buckets.ts'
import { KvCatalog } from '@lifeboat/catalog/kv-catalog.ts'
import { Secret } from '@lifeboat/shared/config/secret.ts'
import { moment, type SourceId, type TargetId } from '@lifeboat/shared/domain/ids.ts'
import { segmentAt, walKey } from '@lifeboat/shared/domain/wal.ts'
import { silentLogger } from '@lifeboat/shared/log/logger.ts'
import { openFilesystem } from '@lifeboat/storage/filesystem.ts'
import { openTarget } from '@lifeboat/storage/open-target.ts'
import { S3Config } from '@lifeboat/storage/target-config.ts'
import { startS3Server } from '@lifeboat/testkit/s3-server.ts'
import { putObjects, smallCopy } from '@lifeboat/testkit/small-copy.ts'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { configText, startFleet, type TestFleet } from './fleet.ts'
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

test('an audit ends with 6 where copies are unknown, or not locked as they should be, and with 7 once one of those it knows is gone', async () => {
  await using server = await startS3Server()
  const { endpoint, region, bucket, credentials } = server
  const s3 = {
    kind: 's3',
    endpoint,
    region,
    bucket,
    forcePathStyle: true,
    accessKeyId: 'env:ID',
    secretAccessKey: 'env:SECRET',
  }
  const secrets = { ID: credentials.accessKeyId, SECRET: credentials.secretAccessKey }
  const ctx = { resolveSecret: (ref: string) => new Secret(secrets[ref.slice(4) as 'ID'] ?? ''), log: silentLogger }
  await using target = await openTarget('aws' as TargetId, S3Config.parse(s3), ctx)
  const text = configText(fleet.nats.url, fleet.dir)
  const audit = async (more: object = {}) => {
    const path = join(fleet.dir, 'audited.yaml')
    await writeFile(path, text.replace(/^ {2}aws: .*$/m, `  aws: ${JSON.stringify({ ...s3, ...more })}`))
    return cli(fleet.dir, ['target', 'audit', 'aws', '--config', path], secrets)
  }
  const [known, stray] = [2, 1].map((hours) => smallCopy({ targets: ['aws'], atMs: Date.now() - hours * 3_600_000 }))
  if (!known || !stray) throw new Error('there are two')
  await putObjects(target, [['lifeboat.json', Buffer.from('{}')], ...known.objects])
  const catalog = await KvCatalog.open(fleet.bus)
  await catalog.apply({ subject: 'backup.sealed', data: known.sealed })
  await catalog.apply({ subject: 'copy.stored', data: known.stored('aws') })
  expect(await audit()).toMatchObject({ code: 0, out: expect.stringContaining('as the catalogue says') })

  const lock = { days: 7, mode: 'governance' }
  expect(await audit({ lock })).toMatchObject({ code: 6, out: expect.stringContaining('no uploader has looked yet') })
  const surveys = await fleet.bus.bucket(SURVEYS_BUCKET)
  const found = async (now: 'locked' | 'unlocked') => {
    const { backupId } = known
    const drifted = [{ sourceId: 'records' as SourceId, backupId, problem: 'it was not locked', now }]
    const before = (await surveys.get('aws'))?.value as TargetSurvey
    await surveys.put('aws', { ...before, locks: { locked: 0, extended: 0, drifted } })
  }
  await found('unlocked')
  expect(await audit({ lock })).toMatchObject({ code: 6, out: expect.stringContaining('not locked: ') })
  await found('locked')
  expect(await audit({ lock })).toMatchObject({ code: 0 })
  await putObjects(target, stray.objects)
  expect(await audit()).toMatchObject({
    code: 6,
    out: expect.stringMatching(
      new RegExp(`1 backups of records are not in the catalogue.*not in the catalogue: ${stray.backupId}`, 's'),
    ),
  })
  await target.remove([...known.objects.keys()].at(-1) as string, { signal: new AbortController().signal })
  expect((await audit()).code).toBe(7)
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

test('an audit tells what a store moved by age and what it should have left alone, and begins no marks of its own', async () => {
  await using server = await startS3Server()
  const { endpoint, region, bucket, credentials } = server
  const s3 = {
    kind: 's3',
    endpoint,
    region,
    bucket,
    forcePathStyle: true,
    accessKeyId: 'env:ID',
    secretAccessKey: 'env:SECRET',
  }
  const aws = { ...s3, transition: { class: 'STANDARD_IA', days: { base: 30, dump: 30 } } }
  const secrets = { ID: credentials.accessKeyId, SECRET: credentials.secretAccessKey }
  const path = join(fleet.dir, 'moving.yaml')
  const text = configText(fleet.nats.url, fleet.dir)
  await writeFile(path, text.replace(/^ {2}aws: .*$/m, `  aws: ${JSON.stringify(aws)}`))
  const copy = smallCopy({ targets: ['aws'], atMs: Date.now() - 3_600_000, partBytes: 200_000 })
  const ctx = { resolveSecret: (ref: string) => new Secret(secrets[ref.slice(4) as 'ID'] ?? ''), log: silentLogger }
  await using target = await openTarget('aws' as TargetId, S3Config.parse(aws), ctx)
  await putObjects(target, [['lifeboat.json', Buffer.from('{}')], ...copy.objects])
  const catalog = await KvCatalog.open(fleet.bus)
  await catalog.apply({ subject: 'backup.sealed', data: copy.sealed })
  await catalog.apply({ subject: 'copy.stored', data: copy.stored('aws') })
  const [part = '', other = ''] = copy.partKeys
  const manifest = [...copy.objects.keys()].at(-1) as string
  for (const key of [part, manifest]) server.move(key, 'STANDARD_IA')
  const surveys = await fleet.bus.bucket(SURVEYS_BUCKET)
  const audit = () => cli(fleet.dir, ['target', 'audit', 'aws', '--config', path], secrets)

  expect((await audit()).out).not.toContain('moved by age')
  const first = (await surveys.get('aws'))?.value
  expect(first?.classes?.marks).toEqual({})
  const marks = { base: { days: 30, since: moment(Date.now() - 3 * 86_400_000) } }
  await surveys.put('aws', { ...first, classes: { ...first?.classes, marks } } as TargetSurvey)
  const { code, out } = await audit()
  expect(code).toBe(0)
  expect(out).toContain('1 parts moved by age, 200 kB')
  expect(out).toContain(`in a wrong class: ${manifest}: STANDARD_IA`)
  expect((await surveys.get('aws'))?.value.classes?.marks).toEqual(marks)
  server.move(other, 'GLACIER')
  const frozen = await audit()
  expect(frozen.code).toBe(7)
  expect(frozen.out).toContain('0 missing, 0 damaged, 1 to be thawed')
})
