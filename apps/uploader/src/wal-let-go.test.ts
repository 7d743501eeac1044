import { type SourceId, TargetId } from '@lifeboat/shared/domain/ids.ts'
import type { Key } from '@lifeboat/shared/domain/keys.ts'
import { type LetGoBefore, type Lsn, type SegmentName, type WalObject, walKey } from '@lifeboat/shared/domain/wal.ts'
import type { Target } from '@lifeboat/storage/target.ts'
import { expect, test } from 'vitest'
import { letGoAnew, wasLetGo } from './wal-let-go.ts'

const sourceId = 'records' as SourceId
const [segment, digest] = ['000000010000000000000003' as SegmentName, '0123456789abcdef']
const whole = { kind: 'segment', segment, digest } as WalObject
const piece = { kind: 'piece', segment, from: 0, to: 8192, digest } as WalObject

/** Nobody knows where the target's own WAL begins. */
function ask(wanted: WalObject, there: readonly { object: WalObject; bytes: number }[]): Promise<boolean> {
  const nothing = { get: async () => undefined }
  const list = async function* (prefix: Key) {
    for (const { object, bytes } of there) {
      const key = walKey(sourceId, object)
      if (key.startsWith(prefix)) yield { key, bytes }
    }
  } as unknown as Target['list']
  const words = { walStates: nothing, walLetGo: nothing } as unknown as Parameters<typeof wasLetGo>[0]
  const key = walKey(sourceId, wanted)
  return wasLetGo(words, { id: TargetId.parse('aws'), list }, { sourceId, key }, AbortSignal.timeout(5_000))
}

test('a piece was let go where its segment is there whole, and nothing else is for that', async () => {
  expect(await ask(piece, [{ object: whole, bytes: 9 }])).toBe(true)
  expect(await ask(piece, [{ object: whole, bytes: 0 }])).toBe(false)
  expect(await ask(piece, [{ object: { ...piece, to: 4096 } as WalObject, bytes: 9 }])).toBe(false)
  const neighbour = { ...whole, segment: '000000010000000000000004' as SegmentName } as WalObject
  const ofNewer = { ...whole, segment: '000000020000000000000003' as SegmentName } as WalObject
  for (const object of [neighbour, ofNewer]) expect(await ask(piece, [{ object, bytes: 9 }])).toBe(false)
  expect(await ask(whole, [{ object: { ...whole, digest: 'fedcba9876543210' } as WalObject, bytes: 9 }])).toBe(false)
})

test('a fill of many objects asks once a second how far WAL was let go, and hears what was let go meanwhile', async () => {
  let [asked, nowMs] = [0, 0]
  const before: LetGoBefore[] = []
  const answering = (value: object) => ({
    async get() {
      asked += 1
      return { value }
    },
  })
  const state = answering({ sourceId, timeline: 1, segmentBytes: 1 << 24, targets: {} })
  const words = { walStates: state, walLetGo: answering({ before }) } as unknown as Parameters<typeof wasLetGo>[0]
  const isLetGo = letGoAnew(words, { targetId: TargetId.parse('aws'), sourceId, clock: { now: () => nowMs } })
  for (let no = 0; no < 1000; no += 1) expect(await isLetGo(whole)).toBe(false)
  expect(asked).toBe(2)
  before.push({ timeline: 1, lsn: '0/4000000' as Lsn })
  nowMs = 1_000
  expect(await isLetGo(whole)).toBe(true)
  expect(await isLetGo({ ...whole, segment: '000000010000000000000004' as SegmentName } as WalObject)).toBe(false)
  expect(asked).toBe(4)
  // Of a timeline the cluster was put back from: other WAL lies at the same places of ours since.
  before.splice(0, 1, { timeline: 2, lsn: '0/4000000' as Lsn })
  nowMs = 2_000
  expect(await isLetGo(whole)).toBe(false)
  expect(await isLetGo({ ...whole, segment: '000000020000000000000003' as SegmentName } as WalObject)).toBe(true)
})
