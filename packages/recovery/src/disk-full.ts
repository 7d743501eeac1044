import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'

const BY_SYSTEM = ['ENOSPC', 'EDQUOT']

export function isFull(systemCode: unknown): boolean {
  return BY_SYSTEM.includes(String(systemCode))
}

/** The server's, or one of ours. */
export function isDiskFull(thrown: unknown): boolean {
  return LifeboatError.is(thrown, 'SOURCE_DISK_FULL') || LifeboatError.is(thrown, 'RECOVERY_DISK_FULL')
}

/** The word of the system for a full disk becomes ours; whatever else was thrown stays what it is. */
export function orDiskFull(thrown: unknown, path?: string): unknown {
  const systemCode = (thrown as NodeJS.ErrnoException | undefined)?.code
  if (!isFull(systemCode)) return thrown
  return new LifeboatError('RECOVERY_DISK_FULL', { ...(path !== undefined && { path }), systemCode }, { cause: thrown })
}

/** Likewise what a program said last, which wrote to a disk by itself. Programs of ours speak English. */
export function orProgramsDiskFull(err: LifeboatError): LifeboatError {
  return /No space left on device|Disk quota exceeded/.test(String(err.facts.stderr))
    ? new LifeboatError('RECOVERY_DISK_FULL', err.facts, { cause: err })
    : err
}
