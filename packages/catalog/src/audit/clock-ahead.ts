import { FLEET_KEY } from '@lifeboat/shared/domain/keys.ts'
import type { Target } from '@lifeboat/storage/target.ts'

/**
 * How far the clock here is ahead of that of the store, milliseconds, negative where it is behind; undefined: the store told no time. Clocks of all hosts of a
 * fleet may jump together where they are one host: that of a store does not.
 */
export async function clockAhead(
  target: Pick<Target, 'stat'>,
  opts: { nowMs: number; signal: AbortSignal },
): Promise<number | undefined> {
  const told = Date.parse((await target.stat(FLEET_KEY, opts))?.answeredAt ?? '')
  return Number.isNaN(told) ? undefined : Math.round(opts.nowMs - told)
}
