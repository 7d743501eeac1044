import { z } from 'zod'
import type { Bucket, BucketDefinition, Bus } from '../bus/bus.ts'
import { Footing } from '../domain/footing.ts'
import { Moment, moment } from '../domain/ids.ts'
import type { Logger } from '../log/logger.ts'
import { within } from '../run/within.ts'

const BEAT_MS = 5_000
/** What a process stands on is told when it changes, and so often beside: for hundreds of sources it is far larger than a beat. */
const FOOTINGS_MS = 60_000
const FAREWELL_MS = 3_000
/** A process that has not written for this long is dead, stuck or cut off. */
export const SILENT_AFTER_MS = 3 * BEAT_MS

/** One running process. Key: `<service>.<id>.<instance>`. */
export const Presence = z.object({
  service: z.string(),
  /** Which one: the agent's or verifier's name; else the service again. */
  id: z.string(),
  /** Different for every start of every process. */
  instance: z.string(),
  startedAt: Moment,
  /** When it last said so, by its own clock; whether it is silent is judged by the entry's `writtenAt`, see SILENT_AFTER_MS. */
  at: Moment,
  version: z.string(),
})
export type Presence = z.infer<typeof Presence>

export const PRESENCE_BUCKET: BucketDefinition<Presence> = {
  name: 'lifeboat_presence',
  summary: 'Processes that run now; each writes every five seconds, and removes its entry when it stops.',
  schema: Presence,
  maxAgeMs: 24 * 3_600_000,
}

/** What one running process stands on, as far as it has looked. */
export const FootingsTold = z.object({ footings: z.array(Footing) })
export type FootingsTold = z.infer<typeof FootingsTold>

/** Key: that of its presence. */
export const FOOTINGS_BUCKET: BucketDefinition<FootingsTold> = {
  name: 'lifeboat_footings',
  summary: 'What each process that runs found of what it stands on; written when that changes and once a minute.',
  schema: FootingsTold,
  maxAgeMs: 24 * 3_600_000,
}

/** By the key of the presence; it counts while that is alive. */
export async function readFootings(bucket: Pick<Bucket<FootingsTold>, 'entries'>): Promise<Map<string, Footing[]>> {
  return new Map(await Array.fromAsync(bucket.entries(), ({ key, value }) => [key, value.footings] as const))
}

/** Writes at once and then every five seconds, until disposed; then the entries are removed. A beat that fails is made up by the next. */
export async function beatPresence(
  bus: Pick<Bus, 'bucket'>,
  about: Omit<Presence, 'at'>,
  { log, footings }: { log: Logger; footings: () => Footing[] },
): Promise<AsyncDisposable> {
  const bucket = await bus.bucket(PRESENCE_BUCKET)
  const told = await bus.bucket(FOOTINGS_BUCKET)
  const key = `${about.service}.${about.id}.${about.instance}`
  let outlineTold = outlineOf([])
  let toldAtMs = performance.now()
  const tell = async (found: Footing[]) => {
    const outline = outlineOf(found)
    if (outline === outlineTold && performance.now() - toldAtMs < FOOTINGS_MS) return
    await told.put(key, { footings: found })
    outlineTold = outline
    toldAtMs = performance.now()
  }
  let beating: Promise<unknown> = Promise.resolve()
  let busy = false
  const beat = async () => {
    if (busy) return
    busy = true
    const write = async () => {
      await bucket.put(key, { ...about, at: moment(Date.now()) })
      await tell(footings())
    }
    beating = write()
      .catch((err: unknown) => log.warn({ event: 'presence.unwritten', err }, 'could not write the presence'))
      .finally(() => {
        busy = false
      })
    await beating
  }
  await beat()
  const timer = setInterval(() => void beat(), BEAT_MS)
  return {
    async [Symbol.asyncDispose]() {
      clearInterval(timer)
      // Without the bus the entry stays and grows old; nobody takes an old one for a running process.
      const farewell = async () => {
        await beating
        await told.delete(key)
        await bucket.delete(key)
      }
      await within(FAREWELL_MS, farewell())
    },
  }
}

/** When they were looked at is no news. */
function outlineOf(footings: readonly Footing[]): string {
  return JSON.stringify(footings.map(({ at: _looked, ...footing }) => footing))
}
