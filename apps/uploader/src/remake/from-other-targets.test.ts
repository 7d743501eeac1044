import type { TargetId } from '@lifeboat/shared/domain/ids.ts'
import { silentLogger } from '@lifeboat/shared/log/logger.ts'
import { putBytes, rejectsWith } from '@lifeboat/storage/conformance/target-case.ts'
import { type Fault, faulty } from '@lifeboat/storage/layers/faulty.ts'
import { retrying } from '@lifeboat/storage/layers/retrying.ts'
import { type MemoryTarget, openMemory } from '@lifeboat/storage/memory.ts'
import type { Target } from '@lifeboat/storage/target.ts'
import { expect, test } from 'vitest'
import type { Lane } from '../deps.ts'
import { openGate } from '../gate.ts'
import { PartsUnderWay } from '../parts-under-way.ts'
import { fillFromOthers } from './from-other-targets.ts'

const signal = new AbortController().signal
const key = 'records/wal/00000001/000000010000000000000003.0123456789abcdef.zst.age'
/** Several chunks, so that something can break in the middle. */
const good = Buffer.alloc(300_000, 'good')
const half = { cutAfter: 150_000 }
const always = { times: Number.POSITIVE_INFINITY }

/** As real targets are: what they cannot do just now is tried again. */
const laneOf = (target: Target): Lane => ({
  target: retrying(target, { tries: 3, firstDelayMs: 1 }),
  looks: target,
  gate: openGate(target.id, silentLogger),
  underWay: new PartsUnderWay(),
  unreadable: new Map(),
})
const memory = (name: string): MemoryTarget => openMemory(name as TargetId)
async function holding(name: string, bytes = good): Promise<MemoryTarget> {
  const target = memory(name)
  await putBytes(target, key, bytes, signal)
  return target
}

async function fill(filled: Target, ...others: Lane[]) {
  const lane = laneOf(filled)
  return fillFromOthers([lane, ...others], lane, key, async () => undefined, { signal, log: silentLogger })
}

test('what another target holds whole is put, and which one it was is told', async () => {
  const aws = memory('aws')
  const gcp = await holding('gcp')
  gcp.objects.set(key, Buffer.alloc(0))
  expect(await fill(aws, laneOf(memory('nas')), laneOf(gcp), laneOf(await holding('azure')))).toEqual({
    ...{ from: 'azure', bytes: good.length },
  })
  expect(aws.objects.get(key)?.equals(good)).toBe(true)
})

test('a put that breaks in the middle is the trouble of the target that is filled, and no other is blamed or tried', async () => {
  const aws = faulty(memory('aws'), [{ on: 'put', does: half, ...always }])
  const asked: string[] = []
  const nas = await holding('nas')
  const spied: Target = {
    ...nas,
    stat: (...args) => {
      asked.push('nas')
      return nas.stat(...args)
    },
  }
  await rejectsWith('TARGET_UNREACHABLE', fill(aws, laneOf(await holding('gcp')), laneOf(spied)))
  expect(asked).toEqual([])
})

test('a put that breaks in the middle once is tried again with the bytes from the first one on', async () => {
  const inner = memory('aws')
  const aws = faulty(inner, [{ on: 'put', does: half }])
  expect(await fill(aws, laneOf(await holding('gcp')))).toEqual({ from: 'gcp', bytes: good.length })
  expect(inner.objects.get(key)?.equals(good)).toBe(true)
})

test('a target that breaks off while its bytes are put is named, and the next one gives them', async () => {
  const read: Fault = { on: 'get', does: { cutAfter: good.length } }
  const gcp = async () => faulty(await holding('gcp'), [read, { on: 'get', does: half }])
  const why = 'gcp could not be read, and no other target has it whole'
  expect(await fill(memory('aws'), laneOf(await gcp()))).toEqual({ why })
  expect(await fill(memory('aws'), laneOf(await gcp()), laneOf(await holding('nas')))).toMatchObject({ from: 'nas' })
})

test('a target that goes away between two tries of a put is named, not the one that is filled', async () => {
  const aws = faulty(memory('aws'), [{ on: 'put', does: half }])
  const well: Fault = { on: 'get', does: { cutAfter: good.length }, times: 2 }
  const gcp = faulty(await holding('gcp'), [well, { on: 'get', does: { fail: 'TARGET_UNREACHABLE' }, ...always }])
  expect(await fill(aws, laneOf(gcp))).toEqual({ why: 'gcp could not be read, and no other target has it whole' })
})

test('a target that is known to be away is not asked, and named', async () => {
  const gcp = { ...laneOf(await holding('gcp')), gate: { ...openGate('gcp' as TargetId, silentLogger), away: true } }
  expect(await fill(memory('aws'), gcp)).toEqual({ why: 'gcp could not be read, and no other target has it whole' })
})

test('what somebody else put meanwhile, encrypted another time, counts where it is whole', async () => {
  const other = Buffer.alloc(200_000, 'as good')
  expect(await fill(await holding('aws', other), laneOf(await holding('gcp')))).toEqual({})
  const aws = await holding('aws', other)
  const damaged: Target = { ...aws, stat: async () => ({ key, bytes: 7 }) }
  expect(await fill(damaged, laneOf(await holding('gcp')))).toEqual({ why: 'no other target has it whole' })
})
