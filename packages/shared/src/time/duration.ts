import { z } from 'zod'

const MS_PER_UNIT: Record<string, number> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 }
const BYTES_PER_UNIT: Record<string, number> = {
  B: 1,
  kB: 1e3,
  MB: 1e6,
  GB: 1e9,
  TB: 1e12,
  KiB: 1024,
  MiB: 1024 ** 2,
  GiB: 1024 ** 3,
  TiB: 1024 ** 4,
}

/** A length of time as people write it (`90s`, `15m`, `2h`, `30d`); milliseconds after parsing. */
export const Duration = quantity(MS_PER_UNIT, 'a length of time such as 90s, 15m, 2h or 30d')
/** A size as people write it (`64MiB`, `1MB`); bytes after parsing. */
export const ByteSize = quantity(BYTES_PER_UNIT, 'a size such as 64MiB, 1MB or 2GiB')

function quantity(units: Record<string, number>, expected: string) {
  const pattern = new RegExp(`^(\\d+(?:\\.\\d+)?)\\s?(${Object.keys(units).join('|')})$`)
  return z
    .string()
    .regex(pattern, `expected ${expected}`)
    .transform((text) => {
      const [, amount = '', unit = ''] = pattern.exec(text) ?? []
      return Math.round(Number(amount) * (units[unit] ?? Number.NaN))
    })
}

/** `1 h 5 min`, `12 s`, `340 ms`: for people, two units at most. */
export function formatDuration(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)} ms`
  if (ms < 60_000) return `${(ms / 1000).toFixed(ms < 10_000 ? 1 : 0)} s`
  const minutes = Math.round(ms / 60_000)
  if (minutes < 60) return `${minutes} min`
  const hours = Math.floor(minutes / 60)
  if (hours < 48) return minutes % 60 === 0 ? `${hours} h` : `${hours} h ${minutes % 60} min`
  return `${Math.round(hours / 24)} d`
}

/** Decimal units, as clouds bill: `1.4 GB`. */
export function formatBytes(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB', 'PB']
  const step = bytes < 1000 ? 0 : Math.min(Math.floor(Math.log10(bytes) / 3), units.length - 1)
  const value = bytes / 1000 ** step
  return `${step === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${units[step]}`
}
