import type { Bucket, Entry } from '@lifeboat/shared/bus/bus.ts'
import { silentLogger } from '@lifeboat/shared/log/logger.ts'
import { expect, test } from 'vitest'
import { leaseName } from './name-lease.ts'

/** Of one key. */
function smallBucket<T>() {
  let held: Entry<T> | undefined
  let revision = 0
  const write = (key: string, value: T) => {
    revision += 1
    held = { key, value, revision, writtenAt: 0 }
    return revision
  }
  const bucket = {
    get: async () => held,
    create: async (key: string, value: T) => (held === undefined ? write(key, value) : undefined),
    update: async (key: string, value: T, since: number) => (since === revision ? write(key, value) : undefined),
    async delete(_key: string, since?: number) {
      if (since === revision) held = undefined
    },
  } as unknown as Bucket<T>
  return { bucket: async () => bucket as never }
}

test('a name is given up at the end, and free for another at once', async () => {
  const bus = smallBucket()
  const lease = (instance: string) => leaseName(bus, 'db1' as never, instance, silentLogger)
  {
    await using _first = await lease('first')
    await expect(lease('second')).rejects.toMatchObject({ code: 'AGENT_NAME_TAKEN' })
  }
  await using second = await lease('second')
  expect(second.lost.aborted).toBe(false)
})
