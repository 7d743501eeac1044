import type { Bucket, FileMetadata } from '@google-cloud/storage'
import type { Md5, TargetId } from '@lifeboat/shared/domain/ids.ts'
import type { Key } from '@lifeboat/shared/domain/keys.ts'
import { MOVED_AFTER_DAYS, type MoveMark } from './move-mark.ts'
import type { Receipt } from './target.ts'
import type { GcsConfig } from './target-config.ts'

const DAY_MS = 86_400_000

/** The bucket of one target and how keys become names in it. */
export interface Where {
  id: TargetId
  bucket: Bucket
  /** Ends in a slash, or is empty. */
  prefix: string
  storageClass: GcsConfig['storageClass']
  lock: GcsConfig['lock']
  transition: GcsConfig['transition']
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

/** Rules of the bucket look at `customTime` alone, which nothing else has. They ask for a day behind it: a 0 is lost by tools that write such rules. */
export function moveTime({ days }: MoveMark, nowMs = Date.now()): { customTime: string } {
  return { customTime: new Date(nowMs + (days - MOVED_AFTER_DAYS) * DAY_MS).toISOString() }
}

export function retentionUntil({ lock }: Pick<Where, 'lock'>, until: Date) {
  const mode = lock?.mode === 'compliance' ? 'Locked' : 'Unlocked'
  return { retention: { mode, retainUntilTime: until.toISOString() } }
}
