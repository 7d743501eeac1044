import { moment, type TargetId } from '@lifeboat/shared/domain/ids.ts'
import { manifestKey } from '@lifeboat/shared/domain/keys.ts'
import { openMemory } from '@lifeboat/storage/memory.ts'
import { putObjects, smallCopy } from '@lifeboat/testkit/small-copy.ts'
import { expect, test } from 'vitest'
import { whyTooYoung } from './why-too-young.ts'

const [DAY, NOW] = [86_400_000, Date.UTC(2026, 8, 30)]
const { signal } = new AbortController()

test('a copy is as young as its store says, or as its manifest says if that is less', async () => {
  const why = (snapshotDays: number, storedDays: number) => whyOf({ snapshotDays, storedDays, minAgeOf: () => 2 * DAY })
  expect(await why(3, 3)).toBeUndefined()
  expect(await why(3, 1)).toBe('it is younger than 2 d')
  expect(await why(1, 3)).toBe('it is younger than 2 d')
  // By a clock that was wrong: nobody knows how old it is.
  expect(await why(-400, 3)).toBe('it is younger than 2 d')
})

test('of a policy without rules nothing goes, however old, and it says which policy that is', async () => {
  const asked: string[] = []
  const minAgeOf = (policyId: string) => void asked.push(policyId)
  expect(await whyOf({ snapshotDays: 900, storedDays: 900, minAgeOf })).toMatch(/no rules for what to keep of daily/)
  expect(asked).toEqual(['daily'])
})

test('a copy whose manifest cannot be read goes when it is a day old, and one without a manifest is none', async () => {
  const old = { snapshotDays: 9, minAgeOf: () => undefined }
  expect(await whyOf({ ...old, storedDays: 0.9, manifest: '{' })).toBe('it is younger than 24 h')
  expect(await whyOf({ ...old, storedDays: 1.1, manifest: '{' })).toBeUndefined()
  expect(await whyOf({ ...old, storedDays: 0, manifest: undefined })).toBeUndefined()
})

async function whyOf(opts: {
  snapshotDays: number
  storedDays: number
  minAgeOf: (policyId: string) => number | undefined
  manifest?: string | undefined
}): Promise<string | undefined> {
  const { objects, sealed } = smallCopy({ targets: ['aws'], atMs: NOW - opts.snapshotDays * DAY })
  const memory = openMemory('aws' as TargetId)
  await putObjects(memory, objects)
  const key = manifestKey(sealed.sourceId, sealed.backupId)
  if ('manifest' in opts && opts.manifest === undefined) memory.objects.delete(key)
  else if (opts.manifest !== undefined) memory.objects.set(key, Buffer.from(opts.manifest))
  const target = {
    ...memory,
    async stat(asked: string, about: { signal: AbortSignal }) {
      const there = await memory.stat(asked, about)
      return there && { ...there, storedAt: moment(NOW - opts.storedDays * DAY) }
    },
  }
  return whyTooYoung(target, sealed, { minAgeOf: opts.minAgeOf, nowMs: NOW, signal })
}
