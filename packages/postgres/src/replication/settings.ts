import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'

const UNITS: Record<string, number> = {
  B: 1,
  kB: 1024,
  MB: 1024 ** 2,
  GB: 1024 ** 3,
  ms: 1,
  s: 1000,
  min: 60_000,
  h: 3_600_000,
  d: 86_400_000,
}

/**
 * A size or a time as SHOW prints it: `16MB` → bytes, `1min` → milliseconds, `0` → 0.
 *
 * @throws LifeboatError SOURCE_PROTOCOL_BROKEN
 */
export function parseSetting(shown: string): number {
  const [, digits, unit] = /^(\d+)([a-zA-Z]*)$/.exec(shown) ?? []
  const factor = unit === '' ? 1 : UNITS[unit ?? '']
  if (digits === undefined || factor === undefined)
    throw new LifeboatError('SOURCE_PROTOCOL_BROKEN', { expected: 'a size or a time', got: shown })
  return Number(digits) * factor
}
