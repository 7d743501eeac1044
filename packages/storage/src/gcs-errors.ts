import type { Key } from '@lifeboat/shared/domain/keys.ts'
import type { ErrorCode } from '@lifeboat/shared/errors/catalogue.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'

/** HTTP status of Google's answer; undefined when none came. */
export function statusOf(thrown: unknown): number | undefined {
  const { code, status } = (thrown ?? {}) as { code?: unknown; status?: unknown }
  if (typeof code === 'number') return code
  return typeof status === 'number' ? status : undefined
}

/**
 * What Google's answer means to us.
 *
 * @see https://cloud.google.com/storage/docs/json_api/v1/status-codes
 */
export function translateGcs(thrown: unknown, facts: { targetId: string; key?: Key }): LifeboatError {
  if (thrown instanceof LifeboatError) return thrown
  const status = statusOf(thrown)
  const reason = reasonOf(thrown)
  return new LifeboatError(codeFor(thrown, status, reason), { ...facts, status, reason }, { cause: thrown })
}

function codeFor(thrown: unknown, status: number | undefined, reason: string | undefined): ErrorCode {
  if (status === undefined) return isAboutCredentials(thrown) ? 'TARGET_REFUSED' : 'TARGET_UNREACHABLE'
  if (status === 408 || status === 429 || status >= 500) return 'TARGET_UNREACHABLE'
  if (reason === 'rateLimitExceeded' || reason === 'userRateLimitExceeded') return 'TARGET_UNREACHABLE'
  if (reason === 'quotaExceeded') return 'TARGET_FULL'
  if (status === 404) return 'TARGET_MISSING'
  return 'TARGET_REFUSED'
}

/** The first word of Google's error document, such as `forbidden` or `conditionNotMet`. */
function reasonOf(thrown: unknown): string | undefined {
  const { errors } = (thrown ?? {}) as { errors?: { reason?: unknown }[] }
  const reason = Array.isArray(errors) ? errors[0]?.reason : undefined
  return typeof reason === 'string' ? reason : undefined
}

/** The authentication library throws plain errors before any request is made; a network error always has a code of the system. */
function isAboutCredentials(thrown: unknown): boolean {
  const { code, cause, type } = (thrown ?? {}) as { code?: unknown; cause?: { code?: unknown }; type?: unknown }
  return thrown instanceof Error && code === undefined && cause?.code === undefined && type === undefined
}
