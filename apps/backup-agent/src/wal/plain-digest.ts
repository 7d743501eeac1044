import { type Hash, hash } from 'node:crypto'
import { WAL_DIGEST_DIGITS } from '@lifeboat/shared/domain/wal.ts'

/** The digest of the plain bytes, as it stands in the key. */
export function plainDigest(plain: Uint8Array): string {
  return hash('sha256', plain, 'hex').slice(0, WAL_DIGEST_DIGITS)
}

/** The same of bytes that went through a SHA-256 as they came. */
export function digestOf(sha256: Hash): string {
  return sha256.digest('hex').slice(0, WAL_DIGEST_DIGITS)
}
