import { z } from 'zod'
import type { BucketDefinition, Bus } from '../bus/bus.ts'
import { Moment, moment } from '../domain/ids.ts'
import type { Logger } from '../log/logger.ts'
import { within } from '../run/within.ts'

const BEAT_MS = 5_000
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
  summary: 'Processes that run now; each writes every five seconds and removes its entry when it stops.',
  schema: Presence,
  maxAgeMs: 24 * 3_600_000,
}

/** Writes at once and then every five seconds, until disposed; then the entry is removed. A beat that fails is made up by the next. */
export async function beatPresence(
  bus: Pick<Bus, 'bucket'>,
  about: Omit<Presence, 'at'>,
  log: Logger,
): Promise<AsyncDisposable> {
  const bucket = await bus.bucket(PRESENCE_BUCKET)
  const key = `${about.service}.${about.id}.${about.instance}`
  let beating: Promise<unknown> = Promise.resolve()
  let busy = false
  const beat = async () => {
    if (busy) return
    busy = true
    beating = bucket
      .put(key, { ...about, at: moment(Date.now()) })
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
        await bucket.delete(key)
      }
      await within(FAREWELL_MS, farewell())
    },
  }
}
