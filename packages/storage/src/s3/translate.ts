import type { ErrorCode } from '@lifeboat/shared/errors/catalogue.ts'
import { type Facts, LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'

/** By the store's own code, where it says more than the status. */
const BY_CODE: Record<string, ErrorCode> = {
  NoSuchBucket: 'TARGET_MISSING',
  NoSuchKey: 'TARGET_KEY_ABSENT',
  BadDigest: 'TARGET_CHECKSUM_MISMATCH',
  XAmzContentSHA256Mismatch: 'TARGET_CHECKSUM_MISMATCH',
  XAmzContentChecksumMismatch: 'TARGET_CHECKSUM_MISMATCH',
  IncompleteBody: 'TARGET_CHECKSUM_MISMATCH',
  QuotaExceeded: 'TARGET_FULL',
  XMinioStorageFull: 'TARGET_FULL',
  EntityTooLarge: 'TARGET_REFUSED',
  ObjectLocked: 'TARGET_HELD',
  RequestTimeout: 'TARGET_UNREACHABLE',
  SlowDown: 'TARGET_UNREACHABLE',
  // Two creates of one key at the same moment: the next try meets the winner.
  ConditionalRequestConflict: 'TARGET_UNREACHABLE',
  OperationAborted: 'TARGET_UNREACHABLE',
  CredentialsProviderError: 'TARGET_REFUSED',
}

/** What the SDK threw, in the words of the target contract; what is neither an answer nor a network error stays what it is. */
export function translateS3Error(thrown: unknown, about: Facts): unknown {
  if (thrown instanceof LifeboatError || !(thrown instanceof Error)) return thrown
  const status = statusOf(thrown)
  const code = codeFor(thrown, status)
  if (code === undefined) return thrown
  const facts = { ...about, status, storeCode: thrown.name, systemCode: systemCode(thrown) }
  return new LifeboatError(code, facts, { cause: thrown })
}

export function statusOf(thrown: unknown): number | undefined {
  const metadata = (thrown as { $metadata?: { httpStatusCode?: number } } | undefined)?.$metadata
  return (
    metadata?.httpStatusCode ?? (thrown as { $response?: { statusCode?: number } } | undefined)?.$response?.statusCode
  )
}

function codeFor(thrown: Error, status: number | undefined): ErrorCode | undefined {
  const known = BY_CODE[thrown.name]
  if (known !== undefined) return known
  if (status !== undefined) return codeForStatus(thrown, status)
  const network = systemCode(thrown) !== undefined || ['TimeoutError', 'AbortError'].includes(thrown.name)
  return network ? 'TARGET_UNREACHABLE' : undefined
}

function codeForStatus(thrown: Error, status: number): ErrorCode {
  // AWS and MinIO tell a lock from missing rights by the sentence only.
  // "Bucket is missing Object Lock Configuration" holds nothing.
  if (status < 500 && /object lock|WORM/i.test(thrown.message) && !/missing/i.test(thrown.message)) return 'TARGET_HELD'
  if (status === 507) return 'TARGET_FULL'
  if (status >= 500 || status === 408 || status === 429 || status === 409) return 'TARGET_UNREACHABLE'
  // An answer that cannot be read came from something in between.
  return status < 300 ? 'TARGET_UNREACHABLE' : 'TARGET_REFUSED'
}

function systemCode(thrown: Error): string | undefined {
  return 'code' in thrown && typeof thrown.code === 'string' ? thrown.code : undefined
}
