import { impatient } from '../src/layers/impatient.ts'
import { limited } from '../src/layers/limited.ts'
import { metered } from '../src/layers/metered.ts'
import { resuming } from '../src/layers/resuming.ts'
import { retrying } from '../src/layers/retrying.ts'
import type { Target } from '../src/target.ts'

/** A target as the services use it: every layer around it. */
export function allLayers(bare: Target): Target {
  const patient = retrying(impatient(bare, { silenceMs: 20_000 }), { firstDelayMs: 10 })
  return metered(limited(resuming(patient), { bytesPerSecond: 1e9 }), { answered() {}, moved() {} })
}
