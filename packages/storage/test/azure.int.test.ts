import {
  ContainerSASPermissions,
  generateBlobSASQueryParameters,
  StorageSharedKeyCredential,
} from '@azure/storage-blob'
import { Secret } from '@lifeboat/shared/config/secret.ts'
import type { SecretRef } from '@lifeboat/shared/config/secret-ref.ts'
import type { TargetId } from '@lifeboat/shared/domain/ids.ts'
import { type Azurite, startAzurite } from '@lifeboat/testkit/azurite.ts'
import { startFaultProxy } from '@lifeboat/testkit/fault-proxy.ts'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openAzure } from '../src/azure.ts'
import type { AzureLimits } from '../src/azure-place.ts'
import { describeTarget } from '../src/conformance/describe-target.ts'
import {
  bodyOf,
  getBytes,
  listKeys,
  optionsFor,
  putBytes,
  rejectsWith,
  someBytes,
} from '../src/conformance/target-case.ts'
import { AzureConfig } from '../src/target-config.ts'
import { allLayers } from './all-layers.ts'
import { describeFaults } from './describe-faults.ts'

/** Everything but the smallest bodies goes in blocks, and every list has several pages. */
const SMALL: AzureLimits = { putBlobBytes: 10_000, blockBytes: 64 * 1024, pageItems: 4 }

const { signal } = new AbortController()
let server: Azurite
beforeAll(async () => {
  server = await startAzurite()
})
afterAll(() => server?.[Symbol.asyncDispose]())

describeTarget('azure', () => opened({ container: 'plain' }))
describeTarget('azure in blocks and small pages', () => opened({ container: 'blocks', limits: SMALL }))
describeTarget('azure under all layers', async () => {
  const { target, ...rest } = await opened({ container: 'layered' })
  return { ...rest, target: allLayers(target) }
})

describeFaults('azure', { method: 'PUT' }, () => exposed('faults'))
describeFaults('azure in blocks', { method: 'PUT', path: /comp=block(&|$)/ }, () => exposed('block-faults', BLOCKS))

describe('azure', () => {
  it('keeps the MD5 of the whole with a blob stored in blocks', async () => {
    const { target } = await opened({ container: 'digests', limits: SMALL })
    const bytes = someBytes(500_000)
    const { md5 } = optionsFor(bytes, signal)
    await putBytes(target, 'part', bytes, signal)
    expect(await target.stat('part', { signal })).toMatchObject({ bytes: 500_000, md5 })
    const seen = await server.head('digests', 'fleet/part')
    expect(Buffer.from(seen.get('content-md5') ?? '', 'base64').toString('hex')).toBe(md5)
  })

  it('finds a commit of blocks whose answer is lost to have succeeded', async () => {
    await using faults = await exposed('lost-commit', SMALL)
    const bytes = someBytes(300_000)
    faults.proxy.inject({ kind: 'lose-answer' }, { method: 'PUT', path: /comp=blocklist/ })
    await putBytes(faults.target, 'part', bytes, signal)
    expect((await getBytes(faults.target, 'part', signal)).equals(bytes)).toBe(true)
  })

  it('stores each role in the tier the configuration names, in one piece or in blocks', async () => {
    const { target } = await opened({ container: 'tiers', limits: SMALL, storageClass: { part: 'Cool' } })
    for (const [name, length] of Object.entries({ small: 100, large: 200_000 }))
      await putBytes(target, name, someBytes(length), signal)
    const manifest = someBytes(100)
    await target.put('manifest', bodyOf(manifest), { ...optionsFor(manifest, signal), role: 'manifest' })
    for (const [name, tier] of Object.entries({ small: 'Cool', large: 'Cool', manifest: 'Hot' }))
      expect((await server.head('tiers', `fleet/${name}`)).get('x-ms-access-tier')).toBe(tier)
  })

  it('refuses the archive tier, from which nothing can be restored in time', async () => {
    await rejectsWith('CONFIG_INVALID', opened({ container: 'archive', storageClass: { part: 'Archive' } }))
  })

  it('demands a key or a token', async () => {
    const { accountKey: _, ...config } = configFor(server, 'plain')
    await rejectsWith('CONFIG_INVALID', openAzure('azure' as TargetId, config, { resolveSecret: fail }))
  })

  it('works with a signature that may read, create and list but neither overwrite nor remove', async () => {
    await server.createContainer('signed')
    const { accountKey: _, ...config } = configFor(server, 'signed')
    const target = await openAzure(
      'azure' as TargetId,
      { ...config, storageClass: { part: 'Cool' }, sasToken: 'env:SAS' as SecretRef },
      { resolveSecret: () => new Secret(`?${signatureFor(server, 'signed', 'rcl')}\n`) },
    )
    const bytes = someBytes(1000)
    await putBytes(target, 'part', bytes, signal)
    await putBytes(target, 'part', bytes, signal)
    await rejectsWith('TARGET_KEY_TAKEN', putBytes(target, 'part', someBytes(1000), signal))
    expect((await getBytes(target, 'part', signal)).equals(bytes)).toBe(true)
    expect(await listKeys(target, '', signal)).toEqual(['part'])
    await rejectsWith('TARGET_REFUSED', target.remove('part', { signal }))
  })

  it('tells a wrong key from an absent blob', async () => {
    const wrong = Buffer.from('wrong').toString('base64')
    const config = configFor(server, 'plain')
    const target = await openAzure('azure' as TargetId, config, { resolveSecret: () => new Secret(wrong) })
    await rejectsWith('TARGET_REFUSED', putBytes(target, 'part', someBytes(10), signal))
    await rejectsWith('TARGET_REFUSED', target.stat('part', { signal }))
    await rejectsWith('TARGET_REFUSED', target.get('part', { signal }))
    await rejectsWith('TARGET_REFUSED', target.remove('part', { signal }))
  })
})

// Whole blocks of three million bytes make the offsets of the fault table fall inside one.
const BLOCKS: AzureLimits = { ...SMALL, blockBytes: 3_000_000 }

async function opened({
  container,
  limits,
  ...more
}: {
  container: string
  limits?: AzureLimits
  storageClass?: object
}) {
  const target = await open(server, container, limits, more)
  await server.createContainer(container)
  return { target, async [Symbol.asyncDispose]() {} }
}

async function exposed(container: string, limits?: AzureLimits) {
  const proxy = await startFaultProxy(server.endpoint)
  await server.createContainer(container)
  const endpoint = `${proxy.endpoint}/${server.account}`
  return {
    target: await open({ ...server, endpoint }, container, limits),
    proxy,
    removeStore: () => server.deleteContainer(container),
    [Symbol.asyncDispose]: () => proxy[Symbol.asyncDispose](),
  }
}

function open(at: Pick<Azurite, 'account' | 'endpoint'>, container: string, limits?: AzureLimits, more: object = {}) {
  const ctx = { resolveSecret: () => new Secret(server.accountKey) }
  return openAzure('azure' as TargetId, { ...configFor(at, container), ...more }, ctx, limits)
}

function configFor({ account, endpoint }: Pick<Azurite, 'account' | 'endpoint'>, container: string) {
  return AzureConfig.parse({ kind: 'azure', container, account, endpoint, accountKey: 'env:KEY', prefix: 'fleet' })
}

function signatureFor({ account, accountKey }: Azurite, containerName: string, permissions: string): string {
  const values = {
    containerName,
    permissions: ContainerSASPermissions.parse(permissions),
    expiresOn: new Date(Date.now() + 3_600_000),
  }
  return generateBlobSASQueryParameters(values, new StorageSharedKeyCredential(account, accountKey)).toString()
}

function fail(): never {
  throw new Error('no secret was to be asked for')
}
