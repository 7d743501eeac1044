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
}

/** What the resource of an object tells. */
export function receiptOf(key: Key, { size, md5Hash, timeCreated }: FileMetadata): Receipt {
  return {
    key,
    bytes: Number(size),
    ...(md5Hash !== undefined && { md5: Buffer.from(md5Hash, 'base64').toString('hex') as Md5 }),
    ...(timeCreated !== undefined && { storedAt: timeCreated }),
  }
}
