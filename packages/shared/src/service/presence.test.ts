import { afterEach, expect, test, vi } from 'vitest'
import type { Footing } from '../domain/footing.ts'
import { moment } from '../domain/ids.ts'
import { LifeboatError } from '../errors/lifeboat-error.ts'
import { silentLogger } from '../log/logger.ts'
import { beatPresence, FOOTINGS_BUCKET, PRESENCE_BUCKET } from './presence.ts'

const SECOND = 1_000
const at = (seconds: number) => moment(Date.UTC(2026, 8, 26) + seconds * SECOND)
const nas: Footing = { part: 'target', name: 'nas', at: at(0), since: at(0) }

afterEach(() => {
  vi.useRealTimers()
})

/** One process and what it writes, for as long as the test lets pass. */
async function startBeating(put: (bucket: string) => void = () => {}) {
  vi.useFakeTimers()
  const entries = new Map<string, unknown>()
  let [beats, told] = [0, 0]
  const bus = {
    bucket: async ({ name }: { name: string }) => ({
      async put(_key: string, value: unknown) {
        put(name)
        entries.set(name, value)
        if (name === PRESENCE_BUCKET.name) beats += 1
        else told += 1
      },
      async delete() {
        entries.delete(name)
      },
    }),
  }
  const process = { service: 'uploader', id: 'uploader', instance: 'a', startedAt: at(0), version: '1' }
  const stands: { footings: Footing[] } = { footings: [] }
  const presence = await beatPresence(bus as never, process, { log: silentLogger, footings: () => stands.footings })
  return { stands, entries, presence, counts: () => ({ beats, told }) }
}

test('what a process stands on is told when it changes and once a minute, not with each beat', async () => {
  const { stands, entries, presence, counts } = await startBeating()
  expect(counts()).toEqual({ beats: 1, told: 0 })
  stands.footings = [nas]
  await vi.advanceTimersByTimeAsync(5 * SECOND)
  expect(counts()).toEqual({ beats: 2, told: 1 })
  stands.footings = [{ ...nas, at: at(50) }]
  await vi.advanceTimersByTimeAsync(50 * SECOND)
  expect(counts()).toEqual({ beats: 12, told: 1 })
  await vi.advanceTimersByTimeAsync(10 * SECOND)
  expect(counts()).toEqual({ beats: 14, told: 2 })
  stands.footings = [{ ...nas, error: new LifeboatError('TARGET_FULL').toReport() as never }]
  await vi.advanceTimersByTimeAsync(5 * SECOND)
  expect(counts()).toEqual({ beats: 15, told: 3 })
  expect(entries.get(FOOTINGS_BUCKET.name)).toEqual({ footings: stands.footings })
  await presence[Symbol.asyncDispose]()
  expect(entries.size).toBe(0)
})

test('what could not be told is told with the next beat', async () => {
  let away = false
  const { stands, presence, counts } = await startBeating((bucket) => {
    if (away && bucket === FOOTINGS_BUCKET.name) throw new LifeboatError('BUS_UNREACHABLE')
  })
  stands.footings = [nas]
  away = true
  await vi.advanceTimersByTimeAsync(10 * SECOND)
  away = false
  await vi.advanceTimersByTimeAsync(5 * SECOND)
  expect(counts()).toEqual({ beats: 4, told: 1 })
  await presence[Symbol.asyncDispose]()
})
