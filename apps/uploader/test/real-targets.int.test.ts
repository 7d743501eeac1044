import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { CopyStored } from '@lifeboat/shared/bus/messages/copy.ts'
import { PartStored } from '@lifeboat/shared/bus/messages/part.ts'
import { Secret } from '@lifeboat/shared/config/secret.ts'
import type { TargetId } from '@lifeboat/shared/domain/ids.ts'
import { silentLogger } from '@lifeboat/shared/log/logger.ts'
import { getBytes } from '@lifeboat/storage/conformance/target-case.ts'
import { openTarget } from '@lifeboat/storage/open-target.ts'
import { TargetConfig } from '@lifeboat/storage/target-config.ts'
import { until } from '@lifeboat/testkit/eventually.ts'
import { type FaultProxy, startFaultProxy } from '@lifeboat/testkit/fault-proxy.ts'
import { type S3Server, startS3Server } from '@lifeboat/testkit/s3-server.ts'
import { expect, test } from 'vitest'
import { spoolBackup } from './support/backup.ts'
import { type Fleet, startFleet } from './support/fleet.ts'

const signal = new AbortController().signal

test.concurrent('a store that takes the rights away keeps its work, and the copy is made when they are back', async () => {
  await using at = await startPlace()
  at.s3.deny(true)
  const deps = await at.fleet.uploader([await at.cloud(), await at.disk()])
  const backup = await spoolBackup(at.fleet.spool, { targets: ['aws', 'disk'], parts: 6 })
  await at.fleet.announce(backup)
  const [copy] = await stored(at.fleet, 1)
  expect(copy?.targetId).toBe('disk')
  await until(
    () => deps.lanes[0]?.gate.away,
    (away) => away === true,
  )
  at.s3.deny(false)
  await stored(at.fleet, 2)
  await at.expectCopy(backup.copy)
})

test.concurrent('a store that answers 503 for a while gets its copy in the end', async () => {
  await using at = await startPlace()
  at.proxy.inject({ kind: 'status', status: 503 }, { times: 12 })
  await at.fleet.uploader([await at.cloud()])
  const backup = await spoolBackup(at.fleet.spool, { targets: ['aws'] })
  await at.fleet.announce(backup)
  await stored(at.fleet, 1)
  await at.expectCopy(backup.copy)
})

test.concurrent('a store that stops answering in the middle of a put is given up on and tried again', async () => {
  await using at = await startPlace()
  at.proxy.inject({ kind: 'hang' }, { method: 'PUT', path: /age\.00001/ })
  await at.fleet.uploader([await at.cloud()])
  const backup = await spoolBackup(at.fleet.spool, { targets: ['aws'] })
  await at.fleet.announce(backup)
  await stored(at.fleet, 1)
  await at.expectCopy(backup.copy)
})

test.concurrent('uploads that are cut, damaged on the way or lose their answer end in the very bytes that were sealed', async () => {
  await using at = await startPlace()
  const part = (no: number) => ({ method: 'PUT', path: new RegExp(`age\\.0000${no}`) })
  at.proxy.inject({ kind: 'reset-upload', afterBytes: 20_000 }, part(0))
  at.proxy.inject({ kind: 'flip-upload', atByte: 50_000 }, part(1))
  at.proxy.inject({ kind: 'lose-answer' }, part(2))
  await at.fleet.uploader([await at.cloud()])
  const backup = await spoolBackup(at.fleet.spool, { targets: ['aws'] })
  await at.fleet.announce(backup)
  await stored(at.fleet, 1)
  await at.expectCopy(backup.copy)
})

test.concurrent('a store that confirms other bytes than were sent is not believed', async () => {
  await using at = await startPlace()
  at.s3.lie('wrong-checksum-in-answer')
  await at.fleet.uploader([await at.cloud()], { concurrency: 1 })
  const backup = await spoolBackup(at.fleet.spool, { targets: ['aws'], parts: 1 })
  await at.fleet.announce(backup)
  await until(
    () => at.s3.objects().length,
    (objects) => objects >= 1,
  )
  expect(await at.fleet.facts(PartStored)).toEqual([])
  // Asked again what it holds, it tells the truth.
  await stored(at.fleet, 1)
  await at.expectCopy(backup.copy)
})

test.concurrent('a copy made from another cloud is the same to the byte although that download is cut', async () => {
  await using at = await startPlace()
  const cloud = await at.cloud()
  const backup = await spoolBackup(at.fleet.spool, { targets: ['aws', 'disk'], partBytes: 3_000_000 })
  await at.fleet.uploader([cloud])
  await at.fleet.announce(backup)
  await stored(at.fleet, 1)
  backup.release()
  for (const afterBytes of [1_000_000, 700_000, 10])
    at.proxy.inject({ kind: 'reset-download', afterBytes }, { method: 'GET', path: /age\.00001/ })
  await at.fleet.uploader([cloud, await at.disk()])
  await stored(at.fleet, 2)
  for (const [key, bytes] of backup.copy) expect((await readFile(join(at.folder, key))).equals(bytes), key).toBe(true)
  expect(await readdir(join(at.folder, '.partial'))).toEqual([])
})

test.concurrent('every object of a backup is locked from its put on for as long as the target says of its policy', async () => {
  await using at = await startPlace()
  const cloud = await at.cloud({ lock: { days: 30, mode: 'compliance', policies: { daily: 90 } } })
  const backup = await spoolBackup(at.fleet.spool, { targets: ['aws'], parts: 2 })
  await at.fleet.uploader([cloud])
  await at.fleet.announce(backup)
  await stored(at.fleet, 1)
  for (const key of backup.copy.keys()) {
    const { lockedUntil = '' } = (await cloud.stat(key, { signal })) ?? {}
    expect(Math.round((Date.parse(lockedUntil) - Date.now()) / 86_400_000), key).toBe(90)
  }
})

interface Place extends AsyncDisposable {
  fleet: Fleet
  s3: S3Server
  proxy: FaultProxy
  folder: string
  cloud(more?: object): ReturnType<typeof openTarget>
  disk(): ReturnType<typeof openTarget>
  expectCopy(copy: Map<string, Buffer>): Promise<void>
}

async function startPlace(): Promise<Place> {
  const stack = new AsyncDisposableStack()
  const s3 = stack.use(await startS3Server())
  const proxy = stack.use(await startFaultProxy(s3.endpoint))
  const folder = await mkdtemp(join(tmpdir(), 'lifeboat-uploader-'))
  stack.defer(() => rm(folder, { recursive: true, force: true }))
  const fleet = stack.use(await startFleet())
  const { accessKeyId, secretAccessKey } = s3.credentials
  const secrets: Record<string, string> = { 'env:ID': accessKeyId, 'env:KEY': secretAccessKey }
  const ctx = { log: silentLogger, silenceMs: 3000, resolveSecret: (ref: string) => new Secret(secrets[ref] ?? '') }
  const open = async (id: string, config: object) =>
    stack.use(await openTarget(id as TargetId, TargetConfig.parse(config), ctx))
  const { bucket, region } = s3
  const keys = { accessKeyId: 'env:ID', secretAccessKey: 'env:KEY' }
  const cloud = (endpoint: string, more: object = {}) =>
    open('aws', { kind: 's3', bucket, region, endpoint, forcePathStyle: true, ...keys, ...more })
  return {
    ...{ fleet, s3, proxy, folder },
    cloud: (more) => cloud(proxy.endpoint, more),
    disk: () => open('disk', { kind: 'filesystem', path: folder }),
    async expectCopy(copy) {
      const direct = await cloud(s3.endpoint)
      for (const [key, bytes] of copy) expect((await getBytes(direct, key, signal)).equals(bytes), key).toBe(true)
    },
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  }
}

function stored(fleet: Fleet, copies: number) {
  return until(
    () => fleet.facts(CopyStored),
    (facts) => facts.length === copies,
  )
}
