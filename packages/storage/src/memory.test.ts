import type { TargetId } from '@lifeboat/shared/domain/ids.ts'
import { describeTarget } from './conformance/describe-target.ts'
import { openMemory } from './memory.ts'

describeTarget('memory', async () => {
  const target = openMemory('memory' as TargetId)
  return {
    target,
    lock: async (key) => void target.locked.add(key),
    async [Symbol.asyncDispose]() {},
  }
})
