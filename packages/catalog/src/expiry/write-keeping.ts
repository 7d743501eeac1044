import type { Bus } from '@lifeboat/shared/bus/bus.ts'
import type { KeepingWriter } from '../rebuild.ts'
import { HOLDS_BUCKET, MARKS_BUCKET, markKey } from './buckets.ts'

/** Writes what a rebuild finds of holds and marks to the bus; what is known there already stays. */
export async function keepingWriter(bus: Pick<Bus, 'bucket'>): Promise<KeepingWriter> {
  const holds = await bus.bucket(HOLDS_BUCKET)
  const marks = await bus.bucket(MARKS_BUCKET)
  return {
    async hold(hold) {
      await holds.create(hold.holdId, hold)
    },
    async release({ holdId, ...released }) {
      const found = await holds.get(holdId)
      if (found && found.value.released === undefined)
        await holds.update(holdId, { ...found.value, released }, found.revision)
    },
    async mark(tombstone) {
      await marks.create(markKey(tombstone), { ...tombstone, state: 'marked' })
    },
    async undone(about) {
      const found = await marks.get(markKey(about))
      if (found?.value.state === 'marked' && found.value.markId === about.markId)
        await marks.update(markKey(about), { ...found.value, state: 'undone' }, found.revision)
    },
  }
}
