import type { Bucket, FileMetadata } from '@google-cloud/storage'
import type { Md5, TargetId } from '@lifeboat/shared/domain/ids.ts'
import type { Key } from '@lifeboat/shared/domain/keys.ts'
import type { Receipt } from './target.ts'
import type { GcsConfig } from './target-config.ts'

/** The bucket of one target and how keys become names in it. */
export interface Where {
  id: TargetId
  bucket: Bucket
  /** Ends in a slash, or is empty. */
  prefix: string
  storageClass: GcsConfig['storageClass']
  lock: GcsConfig['lock']
}

/** What the resource of an object tells. */
export function receiptOf(key: Key, { size, md5Hash, timeCreated, ...metadata }: FileMetadata): Receipt {
  const lockedUntil = keptUntil(metadata)
  return {
    key,
    bytes: Number(size),
    ...(md5Hash !== undefined && { md5: Buffer.from(md5Hash, 'base64').toString('hex') as Md5 }),
    ...(timeCreated !== undefined && { storedAt: timeCreated }),
    ...(lockedUntil && { lockedUntil: lockedUntil.toISOString() }),
  }
}

/** Until when its own retention or that of the bucket keeps it, whichever ends later. */
export function keptUntil({ retention, retentionExpirationTime }: FileMetadata): Date | undefined {
  const moments = [retention?.retainUntilTime, retentionExpirationTime].map((moment) => Date.parse(String(moment)))
  const latest = Math.max(...moments.filter((moment) => !Number.isNaN(moment)))
  return Number.isFinite(latest) ? new Date(latest) : undefined
}

export function retentionUntil({ lock }: Pick<Where, 'lock'>, until: Date) {
  const mode = lock?.mode === 'compliance' ? 'Locked' : 'Unlocked'
  return { retention: { mode, retainUntilTime: until.toISOString() } }
}
