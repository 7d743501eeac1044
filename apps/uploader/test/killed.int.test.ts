import { execFileSync } from 'node:child_process'
import { closeSync, constants, openSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { WAL_SURVEYS_BUCKET } from '@lifeboat/catalog/audit/wal-survey.ts'
import { WAL_BUCKET } from '@lifeboat/catalog/wal-bucket.ts'
import { CopyStored } from '@lifeboat/shared/bus/messages/copy.ts'
import { PartSealed, PartStored } from '@lifeboat/shared/bus/messages/part.ts'
import { moment, type TargetId } from '@lifeboat/shared/domain/ids.ts'
import { FLEET_KEY } from '@lifeboat/shared/domain/keys.ts'
import { WalState } from '@lifeboat/shared/domain/wal.ts'
import { openFilesystem } from '@lifeboat/storage/filesystem.ts'
import { FilesystemConfig } from '@lifeboat/storage/target-config.ts'
import { until } from '@lifeboat/testkit/eventually.ts'
import { type FaultProxy, startFaultProxy } from '@lifeboat/testkit/fault-proxy.ts'
import { type S3Server, startS3Server } from '@lifeboat/testkit/s3-server.ts'
import { putObjects } from '@lifeboat/testkit/small-copy.ts'
import { makeKeys } from '@lifeboat/testkit/world/keys.ts'
import { openWorldTarget, type WorldTarget } from '@lifeboat/testkit/world/targets.ts'
import { expect, test } from 'vitest'
import { spoolBackup } from './support/backup.ts'
import { type Fleet, startFleet } from './support/fleet.ts'
import { startProcess } from './support/uploader-process.ts'
import { MARKER } from './support/wal-place.ts'

const STOPPED = { code: 0, signal: null }

test.concurrent('an uploader killed in the middle of a put leaves no half part, and its successor sends only what is missing', async () => {
  await using fleet = await startFleet()
  await using s3 = await startS3Server()
  const backup = await spoolBackup(fleet.spool, { targets: ['aws'], parts: 6, partBytes: 3_000_000 })
  const isPut = (part: number) => s3.objects().some(({ key }) => key === backup.keyOfPart(part))
  {
    await using uploader = await startProcess(fleet, ...targetAt(s3))
    for (const part of backup.parts.slice(0, 3)) await announcePart(fleet, part)
    await until(
      () => fleet.facts(PartStored),
      (facts) => facts.length === 3,
    )
    fleet.spool.stallAfter = 1_500_000
    for (const part of backup.parts.slice(3)) await announcePart(fleet, part)
    await until(
      () => new Set(s3.seen.filter((request) => /^PUT .*age\.0000[345]/.test(request))).size,
      (puts) => puts === 3,
    )
    await uploader.kill('SIGKILL')
  }
  expect([3, 4, 5].map(isPut)).toEqual([false, false, false])
  fleet.spool.stallAfter = undefined
  fleet.spool.served.length = 0
  await using _successor = await startProcess(fleet, ...targetAt(s3))
  await fleet.announce(backup)
  // The bus gives a dead uploader's part to another one after 30 s without a sign of life.
  await until(
    () => fleet.facts(CopyStored),
    (facts) => facts.length === 1,
  )
  expect(
    fleet.spool.served
      .filter((name) => name.includes('.age.'))
      .map((name) => name.slice(-1))
      .sort(),
  ).toEqual(['3', '4', '5'])
  expect(s3.objects().map(({ key }) => key)).toEqual([...backup.copy.keys(), 'lifeboat.json'].sort())
})

test.concurrent('an uploader that is told to stop in the middle of a put hands the part back at once', async () => {
  await using fleet = await startFleet()
  await using s3 = await startS3Server()
  const backup = await spoolBackup(fleet.spool, { targets: ['aws'], parts: 1, partBytes: 3_000_000 })
  fleet.spool.stallAfter = 1_500_000
  await using uploader = await startProcess(fleet, ...targetAt(s3))
  await fleet.announce(backup)
  await until(() => s3.seen.some((request) => /^PUT .*age\.00000/.test(request)), Boolean)
  void uploader.kill('SIGTERM')
  // Another signal than the first: two of one kind may arrive as one.
  expect(await uploader.kill('SIGINT')).toEqual(STOPPED)
  fleet.spool.stallAfter = undefined
  await using _successor = await startProcess(fleet, ...targetAt(s3))
  await until(
    () => fleet.facts(CopyStored),
    (facts) => facts.length === 1,
  )
})

test.concurrent.for(['s3', 'gcs', 'azure'] as const)(
  'an uploader told to stop ends although a store for %s takes requests and answers none, and its successor makes the copy',
  async (kind) => {
    await using fleet = await startFleet()
    await using store = await openStore(kind)
    await using proxy = await startFaultProxy(new URL(store.address).origin)
    const targets = { cloud: throughProxy(store, proxy) }
    const backup = await spoolBackup(fleet.spool, { targets: ['cloud'], parts: 2 })
    proxy.inject({ kind: 'hang' }, { times: Number.POSITIVE_INFINITY })
    {
      await using uploader = await startProcess(fleet, targets)
      await fleet.announce(backup)
      await until(() => proxy.hanging, Boolean)
      expect(await uploader.kill('SIGTERM')).toEqual(STOPPED)
      expect(uploader.log()).not.toContain('service.hung')
    }
    proxy.heal()
    await using _successor = await startProcess(fleet, targets)
    await until(
      () => fleet.facts(CopyStored),
      (facts) => facts.length === 1,
    )
  },
)

test.concurrent('an uploader that is told to stop while it looks at the WAL of a source gives the look back, however long its disk takes, and its successor makes it', async () => {
  await using fleet = await startFleet()
  await using stack = new AsyncDisposableStack()
  const path = await mkdtemp(join(tmpdir(), 'lifeboat-nas-'))
  stack.defer(() => rm(path, { recursive: true }))
  const nas = { kind: 'filesystem' as const, path }
  await putObjects(await openFilesystem('nas' as TargetId, FilesystemConfig.parse(nas)), [[FLEET_KEY, MARKER]])
  // Who wants to know the marker's digest waits until somebody writes.
  const digest = join(path, `.${FLEET_KEY}.sha256`)
  await rm(digest)
  execFileSync('mkfifo', [digest])
  await (await fleet.bus.bucket(WAL_BUCKET)).put('records', walAt('nas'))
  const surveys = await fleet.bus.bucket(WAL_SURVEYS_BUCKET)
  const survey = () => surveys.get('records')
  {
    await using uploader = await startProcess(fleet, { nas })
    await until(survey, Boolean)
    const ended = uploader.kill('SIGTERM')
    await until(survey, (found) => found === undefined)
    // Whoever waits in front of it gets in by this, and nobody comes to it any more.
    const writer = openSync(digest, constants.O_RDWR)
    await rm(digest)
    closeSync(writer)
    expect(await ended).toEqual(STOPPED)
  }
  await using _successor = await startProcess(fleet, { nas })
  await until(async () => (await survey())?.value.seen['nas' as TargetId], Boolean)
})

function walAt(target: string): WalState {
  const [at, lsn] = [moment(Date.now()), '0/4000000']
  return WalState.parse({
    ...{ sourceId: 'records', agentId: 'db1', at, status: 'streaming', systemIdentifier: '7', timeline: 1 },
    ...{
      segmentBytes: 1 << 24,
      serverLsn: lsn,
      receivedLsn: lsn,
      safe: { lsn, at },
      targets: { [target]: { lsn, at } },
    },
    slot: { name: 'lifeboat', retainedBytes: 0, warnBytes: 1, giveUpBytes: 2 },
  })
}

async function announcePart(fleet: Fleet, part: PartSealed): Promise<void> {
  await fleet.bus.publish(PartSealed, part)
}

function targetAt({ bucket, region, endpoint, credentials }: S3Server) {
  const keys = { accessKeyId: 'env:S3_ID', secretAccessKey: 'env:S3_KEY' }
  const aws = { kind: 's3' as const, bucket, region, endpoint, forcePathStyle: true, ...keys }
  return [{ aws }, { S3_ID: credentials.accessKeyId, S3_KEY: credentials.secretAccessKey }] as const
}

/** A store with nothing in it, and the keys to it in a folder that goes with it. */
async function openStore(kind: 's3' | 'gcs' | 'azure'): Promise<WorldTarget> {
  const folder = await mkdtemp(join(tmpdir(), 'lifeboat-store-'))
  const store = await openWorldTarget(kind, 'cloud', { folder, keys: await makeKeys(join(folder, 'keys')) })
  return {
    ...store,
    async [Symbol.asyncDispose]() {
      await store[Symbol.asyncDispose]()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

function throughProxy({ config }: WorldTarget, proxy: FaultProxy): WorldTarget['config'] {
  if (config.kind === 'filesystem' || config.endpoint === undefined) throw new Error('nothing to stand in front of')
  return { ...config, endpoint: config.endpoint.replace(new URL(config.endpoint).origin, proxy.endpoint) }
}
