import type { TargetId } from '@lifeboat/shared/domain/ids.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import { impatient } from '@lifeboat/storage/layers/impatient.ts'
import { openTarget } from '@lifeboat/storage/open-target.ts'
import type { TargetConfig } from '@lifeboat/storage/target-config.ts'
import { type Answer, broken, well } from './answer.ts'

/** A person waits, and a target that needs longer for its first name is not well. */
const SILENCE_MS = 10_000

/** Asks a target for the first name it holds: that it answers, knows us and has its place. Changes nothing there. */
export async function askTarget(
  id: TargetId,
  config: TargetConfig,
  { ctx, signal }: { ctx: Parameters<typeof openTarget>[2]; signal: AbortSignal },
): Promise<Answer> {
  try {
    await using bare = await openTarget(id, config, ctx)
    const target = impatient(bare, { silenceMs: SILENCE_MS })
    for await (const _ of target.list('', { signal })) return well('target', id, 'answers')
    return well('target', id, 'answers; nothing is kept there yet')
  } catch (thrown) {
    signal.throwIfAborted()
    const { code, title, hint } = LifeboatError.from(thrown)
    return broken('target', id, `${code}: ${title}`, [hint, `lifeboat target check ${id}`])
  }
}
