import type { Bus } from '@lifeboat/shared/bus/bus.ts'
import type { MessageType } from '@lifeboat/shared/bus/define-message.ts'

type Heard = Pick<Bus, 'follow'>

/** The messages of one type that fit, as far as they are there by now. */
export async function factsThat<T>(
  bus: Heard,
  type: MessageType<T>,
  fits: (data: T) => boolean = () => true,
): Promise<T[]> {
  const done = new AbortController()
  const all = bus.follow(type, { since: 0, signal: done.signal, caughtUp: () => done.abort() })
  return (await Array.fromAsync(all)).filter(fits)
}

/** Waits until so many messages of one type fit, and gives all that do by then. It hears of them as they come, so waiting long costs nothing. */
export async function whenFacts<T>(
  bus: Heard,
  type: MessageType<T>,
  fits: (data: T) => boolean,
  { count = 1, withinMs = 240_000 }: { count?: number; withinMs?: number } = {},
): Promise<T[]> {
  let found = 0
  for await (const data of bus.follow(type, { since: 0, signal: AbortSignal.timeout(withinMs) }))
    if (fits(data) && ++found === count) return factsThat(bus, type, fits)
  throw new Error(`${found} of ${count} ${type.subject} came within ${withinMs} ms`)
}
