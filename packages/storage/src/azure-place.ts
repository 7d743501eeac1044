import type { BlockBlobClient, ContainerClient } from '@azure/storage-blob'
import type { Md5, TargetId } from '@lifeboat/shared/domain/ids.ts'
import type { Key } from '@lifeboat/shared/domain/keys.ts'
import type { AzureConfig } from './target-config.ts'

/** Sizes the service and our memory set; tests make them small. */
export interface AzureLimits {
  /** A body up to this long goes in one Put Blob. */
  putBlobBytes: number
  /** Longer ones go in blocks of this size, one in memory at a time; there may be 50 000. */
  blockBytes: number
  pageItems: number
}

/** The container of one target and how keys become names in it. */
export interface Where {
  id: TargetId
  container: ContainerClient
  /** Ends in a slash, or is empty. */
  prefix: string
  tiers: AzureConfig['storageClass']
  lock: AzureConfig['lock']
  transition: AzureConfig['transition']
  limits: AzureLimits
}

export function blobOf(at: Where, key: Key): BlockBlobClient {
  return at.container.getBlockBlobClient(at.prefix + key)
}

export function policyUntil(
  { lock }: Pick<Where, 'lock'>,
  until: Date,
): { expiriesOn: Date; policyMode: 'Locked' | 'Unlocked' } {
  return { expiriesOn: until, policyMode: lock?.mode === 'compliance' ? 'Locked' : 'Unlocked' }
}

export function md5Of(md5: Uint8Array | undefined): { md5?: Md5 } {
  return md5 && md5.byteLength > 0 ? { md5: Buffer.from(md5).toString('hex') as Md5 } : {}
}

export function storedAt(moment: Date | undefined): { storedAt?: string } {
  return moment ? { storedAt: moment.toISOString() } : {}
}
