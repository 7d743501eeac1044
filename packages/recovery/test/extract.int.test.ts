import { execFile, execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, readdir, readlink, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { serverAccount } from '@lifeboat/postgres/scratch/owner.ts'
import { extractBackup } from '@lifeboat/recovery/extract/extract-backup.ts'
import type { Reader } from '@lifeboat/recovery/fetch/reader.ts'
import { Secret } from '@lifeboat/shared/config/secret.ts'
import { partKey } from '@lifeboat/shared/domain/keys.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import { mayMount, orNotRun } from '@lifeboat/testkit/conditions.ts'
import { startPostgres, type TestPostgres } from '@lifeboat/testkit/postgres.ts'
import { type SealBaseOptions, type SealedBase, sealBase } from '@lifeboat/testkit/seal-base.ts'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openHouse, type RecoveryHouse } from './recovery-house.ts'
import { sshKey } from './ssh-key.ts'

let house: RecoveryHouse
let pg: TestPostgres
let good: SealedBase
let folder: string

beforeAll(async () => {
  house = await openHouse()
  pg = await startPostgres()
  await pg.query('postgres', 'create database records')
  good = await seal()
  folder = await mkdtemp(join(tmpdir(), 'lifeboat-extract-'))
})
afterAll(async () => {
  await rm(folder, { recursive: true, force: true })
  await pg[Symbol.asyncDispose]()
  await house[Symbol.asyncDispose]()
})

function seal(more: Partial<SealBaseOptions> = {}): Promise<SealedBase> {
  const { target, recipient, signer } = house
  return sealBase({ pg, database: 'records', target, recipient, signer, ...more })
}

/** What stops the extraction; afterwards nothing is there that a server would start on. */
async function failureOf({ manifest }: SealedBase, reader: Reader = house.reader, into = 'x'): Promise<LifeboatError> {
  const to = join(folder, into)
  const work = extractBackup(reader, manifest, { folder: to, account: serverAccount() })
  const failure = await work.then(
    () => new Error('it went well'),
    (thrown: unknown) => LifeboatError.from(thrown),
  )
  const control = await readdir(join(to, 'data/global')).catch(() => [])
  expect(control).not.toContain('pg_control')
  await rm(join(to, 'data'), { recursive: true, force: true })
  return failure as LifeboatError
}

async function spoiled(no: number, spoil: (part: Buffer) => Buffer, work: () => Promise<void>): Promise<void> {
  const { sourceId, backupId, artifacts } = good.manifest
  const key = partKey(sourceId, backupId, artifacts[0]?.name as never, no)
  const part = house.target.objects.get(key) as Buffer
  house.target.objects.set(key, spoil(part))
  await work()
  house.target.objects.set(key, part)
}

const last = () => (good.manifest.artifacts[0]?.parts.length ?? 0) - 1

test('one flipped bit, in the first part or in the last', async () => {
  expect(last()).toBeGreaterThan(1)
  const flip = (part: Buffer) => Buffer.from(part.map((byte, at) => (at === 100 ? byte ^ 1 : byte)))
  for (const no of [0, last()])
    await spoiled(no, flip, async () => {
      expect(await failureOf(good)).toMatchObject({ code: 'ARTIFACT_DIGEST_MISMATCH', facts: { part: no } })
    })
})

test('an extraction that is ended in the middle leaves no file open behind it', async () => {
  const stop = new AbortController()
  const target = {
    ...house.target,
    get: (...[key, opts]: Parameters<typeof house.target.get>) => {
      if (!key.endsWith('.00001')) return house.target.get(key, opts)
      setTimeout(() => stop.abort(new LifeboatError('SERVICE_STOPPING')), 300)
      return once(stop.signal, 'abort').then(() => Promise.reject(stop.signal.reason))
    },
  }
  const reader = { ...house.reader, target, run: { ...house.reader.run, signal: stop.signal } }
  expect(await failureOf(good, reader, 'ended')).toMatchObject({ code: 'SERVICE_STOPPING' })
  await expect.poll(() => openBelow([folder, reader.workDir])).toEqual([])
})

async function openBelow(folders: readonly string[]): Promise<string[]> {
  const names = await readdir('/proc/self/fd')
  const paths = await Promise.all(names.map((name) => readlink(`/proc/self/fd/${name}`).catch(() => '')))
  return paths.filter((path) => folders.some((each) => path.startsWith(each)))
}

test('a part that ends too early', async () => {
  const cut = (part: Buffer) => part.subarray(0, -1)
  await spoiled(last(), cut, async () => {
    expect(await failureOf(good)).toMatchObject({ code: 'ARTIFACT_TRUNCATED' })
  })
})

test('parts that were signed too early: the end of the artifact is missing', async () => {
  const base = good.manifest.artifacts[0] as SealedBase['manifest']['artifacts'][number]
  const parts = base.parts.slice(0, -1)
  const artifacts = [{ ...base, parts }, ...good.manifest.artifacts.slice(1)]
  expect(await failureOf({ ...good, manifest: { ...good.manifest, artifacts } })).toMatchObject({
    code: 'ARTIFACT_TRUNCATED',
    facts: { problem: expect.stringContaining('lists') },
  })
})

test('another key', async () => {
  const { stdout } = await promisify(execFile)('age-keygen', [])
  expect(await failureOf(good, { ...house.reader, identity: new Secret(stdout) })).toMatchObject({
    code: 'ARTIFACT_KEY_WRONG',
  })
})

test('an archive that ends in the middle of a file, although all its digests are right', async () => {
  const half = await seal({
    spoil: (name, contents) => (name.startsWith('base') ? contents.subarray(0, 5e6) : contents),
  })
  expect(await failureOf(half)).toMatchObject({ facts: { tool: 'untar', problem: expect.stringContaining('middle') } })
})

const canMount = orNotRun(mayMount(), 'a full disk under an extraction', 'the right to mount')
test.runIf(canMount)('a full disk', async () => {
  const path = join(folder, 'tiny-disk')
  await mkdir(path)
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=8m', 'tmpfs', path])
  try {
    expect(await failureOf(good, house.reader, 'tiny-disk')).toMatchObject({ code: 'RECOVERY_DISK_FULL' })
  } finally {
    execFileSync('umount', ['-l', path])
  }
})

test('an abort ends it with its reason', async () => {
  const stop = new AbortController()
  const run = {
    ...house.reader.run,
    signal: stop.signal,
    report: () => stop.abort(new LifeboatError('RUN_CANCELLED', {})),
  }
  expect(await failureOf(good, { ...house.reader, run })).toMatchObject({ code: 'RUN_CANCELLED' })
})

test('a key that only the age program understands opens a backup too, and another one does not', async () => {
  const { identity, recipient } = sshKey()
  const sealed = await sealBase({
    ...{ pg, database: 'records', target: house.target, recipient },
    signer: house.signer,
  })
  const reader = { ...house.reader, identity: new Secret(identity) }
  const place = { folder: join(folder, 'ssh'), account: serverAccount() }
  const theirs = await extractBackup(house.reader, good.manifest, { ...place, folder: join(folder, 'x25519') })
  const { files, dataDir } = await extractBackup(reader, sealed.manifest, place)
  expect(files).toBeGreaterThanOrEqual(theirs.files)
  expect(await readdir(join(dataDir, 'global'))).toContain('pg_control')
  const wrong = { ...house.reader, identity: new Secret(sshKey().identity) }
  expect(await failureOf(sealed, wrong)).toMatchObject({ code: 'ARTIFACT_KEY_WRONG' })
})
