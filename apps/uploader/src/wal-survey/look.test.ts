import type { SourceId, TargetId } from '@lifeboat/shared/domain/ids.ts'
import { FLEET_KEY } from '@lifeboat/shared/domain/keys.ts'
import { silentLogger } from '@lifeboat/shared/log/logger.ts'
import { openMemory } from '@lifeboat/storage/memory.ts'
import { putObjects } from '@lifeboat/testkit/small-copy.ts'
import { expect, test } from 'vitest'
import type { Lane } from '../deps.ts'
import { lookAtWal } from './look.ts'

const lane = (target: Lane['target'], away: boolean) => {
  const through: Lane['gate']['through'] = (_signal, work) => (away ? new Promise(() => {}) : work())
  return { target, gate: { away, through } } as Lane
}

test('a target that is away is left out, and nobody waits for it', async () => {
  const [aws, nas] = [openMemory('aws' as TargetId), openMemory('nas' as TargetId)]
  await putObjects(nas, [[FLEET_KEY, Buffer.from('{}')]])
  const walDamage = { async *entries() {} } as never
  const state = { sourceId: 'records' as SourceId, segmentBytes: 1 << 24 } as never
  const { signal } = new AbortController()
  const looks = await lookAtWal({ walDamage, log: silentLogger }, state, [lane(aws, true), lane(nas, false)], signal)
  expect([...looks.keys()]).toEqual(['nas'])
})
