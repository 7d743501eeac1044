import type { ErrorCode } from '@lifeboat/shared/errors/catalogue.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'

const CODES: Record<string, ErrorCode> = {
  ENOSPC: 'TARGET_FULL',
  EDQUOT: 'TARGET_FULL',
  EFBIG: 'TARGET_FULL',
  EACCES: 'TARGET_REFUSED',
  EPERM: 'TARGET_REFUSED',
  EROFS: 'TARGET_REFUSED',
  ENAMETOOLONG: 'TARGET_REFUSED',
  ENOTDIR: 'TARGET_REFUSED',
  EISDIR: 'TARGET_REFUSED',
  EIO: 'TARGET_UNREACHABLE',
  ESTALE: 'TARGET_UNREACHABLE',
  ETIMEDOUT: 'TARGET_UNREACHABLE',
  EHOSTDOWN: 'TARGET_UNREACHABLE',
  EBUSY: 'TARGET_UNREACHABLE',
  ENXIO: 'TARGET_UNREACHABLE',
  ENOTCONN: 'TARGET_UNREACHABLE',
}

/** What a system call said, in the words of the target contract; what is no system error stays what it is. */
export function translateFsError(thrown: unknown, facts: Record<string, string>): unknown {
  const code = codeOf(thrown)
  const known = code === undefined ? undefined : CODES[code]
  return known === undefined ? thrown : new LifeboatError(known, { ...facts, systemCode: code }, { cause: thrown })
}

export function codeOf(thrown: unknown): string | undefined {
  return thrown instanceof Error && 'code' in thrown && typeof thrown.code === 'string' ? thrown.code : undefined
}

/** Nothing lies there: the path does not exist, or leads through a file. */
export function saysAbsent(thrown: unknown): boolean {
  return ['ENOENT', 'ENOTDIR'].includes(codeOf(thrown) ?? '')
}
