import type { TargetId } from '@lifeboat/shared/domain/ids.ts'
import { FLEET_KEY } from '@lifeboat/shared/domain/keys.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import { impatient } from '@lifeboat/storage/layers/impatient.ts'
import { openTarget } from '@lifeboat/storage/open-target.ts'
import type { TargetConfig } from '@lifeboat/storage/target-config.ts'

/** A person waits, and a target that needs longer for its first name is not well. */
const SILENCE_MS = 10_000

/** What stands against a target, or whether the marker of a fleet lies there. */
export type FromHere = { error: LifeboatError } | { error?: undefined; marked: boolean }

/** Asks a target for the first name it holds, and for the marker: that it answers, knows us and is the place that it was. Changes nothing there. */
export async function askTarget(
  id: TargetId,
  config: TargetConfig,
  { ctx, signal }: { ctx: Parameters<typeof openTarget>[2]; signal: AbortSignal },
): Promise<FromHere> {
  try {
    await using bare = await openTarget(id, config, ctx)
    const target = impatient(bare, { silenceMs: SILENCE_MS })
    for await (const _ of target.list('', { signal })) break
    return { marked: (await target.stat(FLEET_KEY, { signal })) !== undefined }
  } catch (thrown) {
    signal.throwIfAborted()
    return { error: LifeboatError.from(thrown) }
  }
}
