import type { Bucket, Entry } from '@lifeboat/shared/bus/bus.ts'

/** A bucket on paper: compare-and-set as on the bus, nothing behind it. */
export function paperBucket<T>(): Bucket<T> & { values(): Iterable<T> } {
  const entries = new Map<string, Entry<T>>()
  let revisions = 0
  const write = (key: string, value: T) => {
    revisions += 1
    entries.set(key, { key, value, revision: revisions, writtenAt: Date.now() })
    return revisions
  }
  return {
    get: async (key) => entries.get(key),
    create: async (key, value) => (entries.has(key) ? undefined : write(key, value)),
    update: async (key, value, revision) => (entries.get(key)?.revision === revision ? write(key, value) : undefined),
    put: async (key, value) => write(key, value),
    delete: async (key) => void entries.delete(key),
    async *entries() {
      yield* [...entries.values()]
    },
    watch: () => {
      throw new Error('paper is not watched')
    },
    count: async () => entries.size,
    values: () => [...entries.values()].map(({ value }) => value),
  }
}
