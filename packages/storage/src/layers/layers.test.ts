import type { TargetId } from '@lifeboat/shared/domain/ids.ts'
import { describeTarget } from '../conformance/describe-target.ts'
import { openMemory } from '../memory.ts'
import type { Target } from '../target.ts'
import { faulty } from './faulty.ts'
import { impatient } from './impatient.ts'
import { limited } from './limited.ts'
import { metered } from './metered.ts'
import { resuming } from './resuming.ts'
import { retrying } from './retrying.ts'

const LAYERS: Record<string, (inner: Target) => Target> = {
  retrying: (inner) => retrying(inner, { firstDelayMs: 1 }),
  resuming,
  impatient: (inner) => impatient(inner, { silenceMs: 30_000 }),
  limited: (inner) => limited(inner, { bytesPerSecond: 1e9 }),
  metered: (inner) => metered(inner, { answered() {}, moved() {} }),
  faulty: (inner) => faulty(inner, []),
}

for (const [name, layer] of Object.entries(LAYERS))
  describeTarget(name, async () => {
    const inner = openMemory('memory' as TargetId)
    return {
      target: layer(inner),
      lock: async (key) => void inner.locked.add(key),
      async [Symbol.asyncDispose]() {},
    }
  })
