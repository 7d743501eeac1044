import { Secret } from '@lifeboat/shared/config/secret.ts'
import type { ArtifactName, BackupId, SourceId, TargetId } from '@lifeboat/shared/domain/ids.ts'
import { manifestKey, partKey } from '@lifeboat/shared/domain/keys.ts'
import { startAzurite } from '@lifeboat/testkit/azurite.ts'
import { startGcsServer } from '@lifeboat/testkit/gcs-server.ts'
import { startS3Server } from '@lifeboat/testkit/s3-server.ts'
import { expect, it } from 'vitest'
import { openAzure } from '../src/azure.ts'
import { checkTarget } from '../src/conformance/check-target.ts'
import { describeTarget } from '../src/conformance/describe-target.ts'
import { bodyOf, optionsFor, someBytes } from '../src/conformance/target-case.ts'
import { openGcs } from '../src/gcs.ts'
import { LEAST_MOVED_BYTES } from '../src/move-mark.ts'
import type { Target } from '../src/target.ts'
import { AzureConfig, GcsConfig } from '../src/target-config.ts'
import { openBare } from './support/s3.ts'

const { signal } = new AbortController()
const DAY = 86_400_000
const source = 'records' as SourceId
const idOf = (kind: string) => `20260926T020000Z-${kind}-k3f9qa` as BackupId
const partOf = (kind: string) => partKey(source, idOf(kind), 'a.zst.age' as ArtifactName, 0)
const manifest = manifestKey(source, idOf('dump'))
const KEYS = { dump: partOf('dump'), files: partOf('files'), manifest }

/** A part of a kind that is named, one of a kind that is not, and a manifest. */
async function putThree(target: Target): Promise<void> {
  const bytes = someBytes(LEAST_MOVED_BYTES)
  for (const [name, key] of Object.entries(KEYS))
    await target.put(key, bodyOf(bytes), {
      ...optionsFor(bytes, signal),
      role: name === 'manifest' ? 'manifest' : 'part',
    })
}

const STANDARD = Object.fromEntries(Object.values(KEYS).map((key) => [key, 'STANDARD']))

async function classesOf(target: Target): Promise<Record<string, string | undefined>> {
  const receipts = await Array.fromAsync(target.list('', { signal }))
  return Object.fromEntries(receipts.map(({ key, storageClass }) => [key, storageClass]))
}

it('s3 tags the parts that may move with their kind, and asks for no tag elsewhere', async () => {
  await using server = await startS3Server()
  await using target = await openBare(server, { transition: { class: 'STANDARD_IA', days: { dump: 30 } } })
  await putThree(target)
  const tags = Object.fromEntries(server.objects().map((object) => [object.key, object.tags]))
  expect(tags).toEqual({ [KEYS.dump]: { 'lifeboat-kind': 'dump' }, [KEYS.files]: {}, [KEYS.manifest]: {} })
  server.move(KEYS.dump, 'STANDARD_IA')
  expect(await classesOf(target)).toEqual({ ...STANDARD, [KEYS.dump]: 'STANDARD_IA' })
})

it('s3 credentials that may not tag are found out by a check, and do where nothing is marked', async () => {
  await using server = await startS3Server({ mayTag: false })
  await using marking = await openBare(server, { transition: { class: 'STANDARD_IA', days: { dump: 30 } } })
  const { cases } = await checkTarget(marking, { signal })
  const broken = cases.filter(({ outcome }) => outcome === 'broken')
  expect(broken).toMatchObject([{ name: expect.stringContaining('marked to be moved later') }])
  expect(broken[0]?.error?.code).toBe('TARGET_REFUSED')
  await using plain = await openBare(server)
  expect((await checkTarget(plain, { signal })).fit).toBe(true)
})

it('gcs gives the parts that may move a custom time one day before they do, and nothing else one', async () => {
  await using server = await startGcsServer({ buckets: ['backups'] })
  const transition = { class: 'NEARLINE', days: { dump: 30 } }
  const config = GcsConfig.parse({ kind: 'gcs', bucket: 'backups', endpoint: server.endpoint, transition })
  await using target = await openGcs('gcs' as TargetId, config, {
    resolveSecret: () => Promise.reject(new Error('no secrets here')),
  })
  await putThree(target)
  const customTime = async (key: string) => {
    const answer = await fetch(`${server.endpoint}/storage/v1/b/backups/o/${encodeURIComponent(key)}`)
    return ((await answer.json()) as { customTime?: string }).customTime
  }
  const inDays = (Date.parse((await customTime(KEYS.dump)) ?? '') - Date.now()) / DAY
  expect(Math.round(inDays)).toBe(29)
  for (const key of [KEYS.files, KEYS.manifest]) expect(await customTime(key)).toBeUndefined()
  expect(await classesOf(target)).toEqual(STANDARD)
})

it('azure gives the parts that may move an index tag with their kind, in one piece or in blocks, and nothing else one', async () => {
  await using server = await startAzurite()
  const { account, endpoint } = server
  const transition = { class: 'Cool', days: { dump: 30 } }
  for (const [container, putBlobBytes] of Object.entries({ whole: 1e9, blocks: 10_000 })) {
    await server.createContainer(container)
    const config = AzureConfig.parse({ kind: 'azure', container, account, endpoint, accountKey: 'env:KEY', transition })
    const limits = { putBlobBytes, blockBytes: 64 * 1024, pageItems: 4 }
    const ctx = { resolveSecret: () => new Secret(server.accountKey) }
    await using target = await openAzure('azure' as TargetId, config, ctx, limits)
    await putThree(target)
    expect(await server.tags(container, KEYS.dump)).toEqual({ 'lifeboat-kind': 'dump' })
    for (const key of [KEYS.files, KEYS.manifest]) expect(await server.tags(container, key)).toEqual({})
    expect(Object.values(await classesOf(target))).toEqual(['Hot', 'Hot', 'Hot'])
  }
})

describeTarget('s3 that marks what may move', async () => {
  const server = await startS3Server()
  const transition = { class: 'STANDARD_IA', days: { dump: 30, base: 30, incremental: 30, files: 30, tables: 30 } }
  return {
    target: await openBare(server, { transition }),
    lock: async (key) => server.lock(key),
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  }
})
