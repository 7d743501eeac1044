import type { SourceId } from '@lifeboat/shared/domain/ids.ts'
import { segmentAt, type Timeline, type WalObject, walKey } from '@lifeboat/shared/domain/wal.ts'
import { expect, test } from 'vitest'
import { wasLetGo } from './wal-let-go.ts'

const SEGMENT = 1 << 24
const sourceId = 'records' as SourceId
const digest = 'a'.repeat(16)
const segment = (timeline: Timeline) => segmentAt(timeline, 2n * BigInt(SEGMENT), SEGMENT)
const whole = (timeline: Timeline): WalObject => ({ kind: 'segment', segment: segment(timeline), digest })
const piece: WalObject = { kind: 'piece', segment: segment(1), from: 0, to: 99, digest }

const ask = (object: WalObject, record?: object, there: readonly WalObject[] = []) => {
  const bucket = (value: unknown) => ({ get: async () => (value === undefined ? undefined : { value }) }) as never
  const target = {
    async *list(prefix: string) {
      for (const each of there) {
        const key = walKey(sourceId, each)
        if (key.startsWith(prefix)) yield { key, bytes: 1 }
      }
    },
  }
  const deps = { walRecords: bucket(record), walStates: bucket({ segmentBytes: SEGMENT }) }
  return wasLetGo(deps, target, { sourceId, key: walKey(sourceId, object) }, new AbortController().signal)
}

test('WAL that ends before where the archive begins was let go, as far as something was let go there', async () => {
  const since = { lsn: '0/3000000', timeline: 1 }
  expect(await ask(whole(1), { since, expired: true })).toBe(true)
  expect(await ask(whole(1), { since: { ...since, lsn: '0/2FFFFFF' }, expired: true })).toBe(false)
  expect(await ask(whole(2), { since, expired: true })).toBe(false)
  expect(await ask({ kind: 'history', timeline: 1, digest }, { since, expired: true })).toBe(false)
  expect(await ask(whole(1), { since })).toBe(false)
  expect(await ask(whole(1))).toBe(false)
})

test('a piece of a segment was let go where the whole segment is there, and only there', async () => {
  expect(await ask(piece, undefined, [whole(1)])).toBe(true)
  expect(await ask(piece, undefined, [whole(2), { ...piece, from: 99, to: 199 }])).toBe(false)
})
