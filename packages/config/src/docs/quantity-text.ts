import { ByteSize, Duration } from '@lifeboat/shared/time/duration.ts'
import type { z } from 'zod'
import { isA } from '../schema-walk.ts'

const DURATIONS = { d: 86_400_000, h: 3_600_000, m: 60_000, s: 1000, ms: 1 }
const SIZES = { TiB: 1024 ** 4, GiB: 1024 ** 3, MiB: 1024 ** 2, TB: 1e12, GB: 1e9, MB: 1e6, kB: 1e3, B: 1 }

/** A default as the file would say it: milliseconds become `15m`, bytes `64MiB`; other values stay. */
export function asWritten(schema: z.core.$ZodType, value: unknown): unknown {
  if (typeof value !== 'number') return value
  if (isA(schema, Duration)) return inUnits(value, DURATIONS, 's')
  if (isA(schema, ByteSize)) return inUnits(value, SIZES, 'B')
  return value
}

function inUnits(value: number, units: Record<string, number>, smallest: string): string {
  const [unit, size] = Object.entries(units).find(([, size]) => value >= size && value % size === 0) ?? [smallest, 1]
  return `${value / size}${unit}`
}
