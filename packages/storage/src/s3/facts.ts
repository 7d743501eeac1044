import type { HeadObjectCommandOutput } from '@aws-sdk/client-s3'
import type { Md5, Sha256 } from '@lifeboat/shared/domain/ids.ts'
import type { Receipt } from '../target.ts'
import type { LockConfig } from '../target-config.ts'

/** What a HEAD tells of an object. */
export function factsOf(head: HeadObjectCommandOutput): Omit<Receipt, 'key'> {
  const md5 = md5Of(head)
  return {
    bytes: head.ContentLength ?? 0,
    ...(head.ChecksumSHA256 && head.ChecksumType !== 'COMPOSITE' && { sha256: hexOf(head.ChecksumSHA256) }),
    ...(md5 && { md5 }),
    ...(head.LastModified && { storedAt: head.LastModified.toISOString() }),
    ...(head.ObjectLockRetainUntilDate && { lockedUntil: head.ObjectLockRetainUntilDate.toISOString() }),
  }
}

/** The ETag is the MD5 unless the store encrypts with keys of KMS or of the customer, or the object came in pieces. */
function md5Of(head: HeadObjectCommandOutput): Md5 | undefined {
  const plain = head.ServerSideEncryption === undefined || head.ServerSideEncryption === 'AES256'
  const etag = /^"?([0-9a-f]{32})"?$/.exec(head.ETag ?? '')?.[1]
  return plain && head.SSECustomerAlgorithm === undefined ? (etag as Md5 | undefined) : undefined
}

export function modeOf({ mode }: LockConfig): 'COMPLIANCE' | 'GOVERNANCE' {
  return mode === 'compliance' ? 'COMPLIANCE' : 'GOVERNANCE'
}

export function isHeld(head: HeadObjectCommandOutput): boolean {
  const until = head.ObjectLockRetainUntilDate?.getTime() ?? 0
  return head.ObjectLockLegalHoldStatus === 'ON' || until > Date.now()
}

export function hexOf(base64: string): Sha256 {
  return Buffer.from(base64, 'base64').toString('hex') as Sha256
}
