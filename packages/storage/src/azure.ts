import { AnonymousCredential, ContainerClient, StorageSharedKeyCredential } from '@azure/storage-blob'
import type { Secret } from '@lifeboat/shared/config/secret.ts'
import type { SecretRef } from '@lifeboat/shared/config/secret-ref.ts'
import type { TargetId } from '@lifeboat/shared/domain/ids.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import type { AzureLimits, Where } from './azure-place.ts'
import { put } from './azure-put.ts'
import { extendLock, get, list, remove, stat } from './azure-read.ts'
import { copyLockMs } from './lock.ts'
import type { Target } from './target.ts'
import type { AzureConfig } from './target-config.ts'

/** Archive is missing on purpose: what lies there cannot be read for hours. */
const TIERS = ['Hot', 'Cool', 'Cold']

const SERVICE_LIMITS: AzureLimits = { putBlobBytes: 5000 * 1024 ** 2, blockBytes: 8 * 1024 ** 2, pageItems: 1000 }

/**
 * A container of Azure Blob Storage. Creates carry `If-None-Match: *` and the MD5 twice: once to be checked against what arrives, once to be kept.
 *
 * @throws LifeboatError CONFIG_INVALID when there is neither key nor token, or for a tier that cannot be read at once
 */
export async function openAzure(
  id: TargetId,
  config: AzureConfig,
  ctx: { resolveSecret: (ref: SecretRef) => Secret | Promise<Secret> },
  limits: AzureLimits = SERVICE_LIMITS,
): Promise<Target> {
  demandTiers(id, config)
  const prefix = config.prefix === '' ? '' : `${config.prefix}/`
  const container = await containerClient(id, config, ctx.resolveSecret)
  const { lock, storageClass: tiers, transition } = config
  const at: Where = { id, container, prefix, tiers, lock, transition, limits }
  return {
    id,
    kind: 'azure',
    abilities: { immutability: true, conditionalPut: true },
    ...(transition && { transition }),
    checksMd5: true,
    ...(lock && {
      locks: {
        forMs: (policyId) => copyLockMs(lock, policyId),
        extend: (key, until, { signal }) => extendLock(at, key, until, signal),
      },
    }),
    put: (key, body, opts) => put(at, key, body, opts),
    get: (key, opts) => get(at, key, opts),
    stat: (key, opts) => stat(at, key, opts),
    list: (under, opts) => list(at, under, opts),
    remove: (key, opts) => remove(at, key, opts),
    async [Symbol.asyncDispose]() {},
  }
}

async function containerClient(
  id: TargetId,
  config: AzureConfig,
  resolveSecret: (ref: SecretRef) => Secret | Promise<Secret>,
): Promise<ContainerClient> {
  const service = config.endpoint ?? `https://${config.account}.blob.core.windows.net`
  const url = new URL(`${service.replace(/\/$/, '')}/${config.container}`)
  const options = { retryOptions: { maxTries: 1 } }
  if (config.accountKey !== undefined) {
    const key = await resolveSecret(config.accountKey)
    return new ContainerClient(url.href, new StorageSharedKeyCredential(config.account, key.reveal().trim()), options)
  }
  if (config.sasToken === undefined)
    throw new LifeboatError('CONFIG_INVALID', { targetId: id, missing: 'accountKey or sasToken' })
  url.search = (await resolveSecret(config.sasToken)).reveal().trim()
  return new ContainerClient(url.href, new AnonymousCredential(), options)
}

function demandTiers(id: TargetId, { storageClass }: AzureConfig): void {
  for (const [role, chosen] of Object.entries(storageClass))
    if (!TIERS.includes(chosen))
      throw new LifeboatError('CONFIG_INVALID', {
        targetId: id,
        field: `storageClass.${role}`,
        value: chosen,
        allowed: TIERS,
      })
}
