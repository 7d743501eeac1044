import type { Key } from '@lifeboat/shared/domain/keys.ts'
import type { ErrorCode } from '@lifeboat/shared/errors/catalogue.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'

/** What Azure's own error codes mean to us; where a code is not listed the status decides. */
const BY_CODE: Readonly<Record<string, ErrorCode>> = {
  BlobNotFound: 'TARGET_KEY_ABSENT',
  ResourceNotFound: 'TARGET_KEY_ABSENT',
  ContainerNotFound: 'TARGET_MISSING',
  ContainerBeingDeleted: 'TARGET_MISSING',
  ContainerDisabled: 'TARGET_REFUSED',
  BlobAlreadyExists: 'TARGET_KEY_TAKEN',
  UnauthorizedBlobOverwrite: 'TARGET_KEY_TAKEN',
  Md5Mismatch: 'TARGET_CHECKSUM_MISMATCH',
  InvalidMd5: 'TARGET_CHECKSUM_MISMATCH',
  BlobImmutableDueToPolicy: 'TARGET_HELD',
  BlobImmutableDueToLegalHold: 'TARGET_HELD',
  LeaseIdMissing: 'TARGET_HELD',
  ServerBusy: 'TARGET_UNREACHABLE',
  OperationTimedOut: 'TARGET_UNREACHABLE',
  InternalError: 'TARGET_UNREACHABLE',
}

export function azureStatusOf(thrown: unknown): number | undefined {
  const { statusCode } = (thrown ?? {}) as { statusCode?: unknown }
  return typeof statusCode === 'number' ? statusCode : undefined
}

/**
 * What Azure's answer means to us.
 *
 * @see https://learn.microsoft.com/rest/api/storageservices/blob-service-error-codes
 */
export function translateAzure(thrown: unknown, facts: { targetId: string; key?: Key }): LifeboatError {
  if (thrown instanceof LifeboatError) return thrown
  const status = azureStatusOf(thrown)
  const reason = reasonOf(thrown)
  return new LifeboatError(codeFor(status, reason), { ...facts, status, reason }, { cause: thrown })
}

function codeFor(status: number | undefined, reason: string | undefined): ErrorCode {
  const known = BY_CODE[reason ?? '']
  if (known !== undefined) return known
  if (status === undefined || status === 408 || status === 429 || status >= 500) return 'TARGET_UNREACHABLE'
  return status === 404 ? 'TARGET_MISSING' : 'TARGET_REFUSED'
}

/** In the body of the answer, or in a header where there is no body (HEAD). */
function reasonOf(thrown: unknown): string | undefined {
  const { details, response } = (thrown ?? {}) as {
    details?: { errorCode?: unknown }
    response?: { headers?: { get(name: string): string | undefined } }
  }
  const code = details?.errorCode ?? response?.headers?.get('x-ms-error-code')
  return typeof code === 'string' ? code : undefined
}
