import { Storage } from '@google-cloud/storage'
import type { Secret } from '@lifeboat/shared/config/secret.ts'
import type { SecretRef } from '@lifeboat/shared/config/secret-ref.ts'
import type { TargetId } from '@lifeboat/shared/domain/ids.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import type { Where } from './gcs-place.ts'
import { put } from './gcs-put.ts'
import { extendLock, get, list, remove, stat } from './gcs-read.ts'
import { copyLockMs } from './lock.ts'
import type { Target } from './target.ts'
import type { GcsConfig } from './target-config.ts'

/** Readable at once, unlike the archive tiers of other clouds. */
const CLASSES = ['STANDARD', 'NEARLINE', 'COLDLINE', 'ARCHIVE']

/**
 * A bucket of Google Cloud Storage. Creates carry `ifGenerationMatch=0` and the MD5, which the service checks before it stores anything.
 *
 * @throws LifeboatError CONFIG_INVALID for credentials that are no JSON or a storage class Google does not have
 */
export async function openGcs(
  id: TargetId,
  config: GcsConfig,
  ctx: { resolveSecret: (ref: SecretRef) => Secret | Promise<Secret> },
): Promise<Target> {
  demandClasses(id, config)
  const secret = config.credentials && (await ctx.resolveSecret(config.credentials))
  const storage = new Storage({
    ...(config.projectId !== undefined && { projectId: config.projectId }),
    ...(config.endpoint !== undefined && { apiEndpoint: config.endpoint }),
    ...(secret && { credentials: parseCredentials(id, secret), useAuthWithCustomEndpoint: true }),
    retryOptions: { autoRetry: false },
  })
  const prefix = config.prefix === '' ? '' : `${config.prefix}/`
  const { lock, storageClass, transition } = config
  const at: Where = { id, bucket: storage.bucket(config.bucket), prefix, storageClass, lock, transition }
  return {
    id,
    kind: 'gcs',
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

function demandClasses(id: TargetId, { storageClass }: GcsConfig): void {
  for (const [role, chosen] of Object.entries(storageClass))
    if (!CLASSES.includes(chosen))
      throw new LifeboatError('CONFIG_INVALID', {
        targetId: id,
        field: `storageClass.${role}`,
        value: chosen,
        allowed: CLASSES,
      })
}

function parseCredentials(id: TargetId, secret: Secret): object {
  try {
    return JSON.parse(secret.reveal().trim()) as object
  } catch {
    throw new LifeboatError('CONFIG_INVALID', {
      targetId: id,
      field: 'credentials',
      expected: 'JSON of a service account',
    })
  }
}
