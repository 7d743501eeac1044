import type { Readable } from 'node:stream'
import type { Key } from '@lifeboat/shared/domain/keys.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import { relay } from './relay.ts'

/**
 * A download that ends only after every announced byte came; a cut connection is TARGET_UNREACHABLE, whatever the client library makes of it.
 *
 * @param announced length the answer promised; NaN when it promised none
 */
export function wholeDownload(
  body: Readable,
  { announced, signal, facts }: { announced: number; signal: AbortSignal; facts: { targetId: string; key: Key } },
): Readable {
  let passed = 0
  const unreachable = (cause?: unknown) =>
    new LifeboatError('TARGET_UNREACHABLE', { ...facts, announcedBytes: announced, passedBytes: passed }, { cause })
  return relay(body, {
    signal,
    each(chunk) {
      passed += chunk.byteLength
    },
    atEnd() {
      if (!Number.isNaN(announced) && passed !== announced) throw unreachable()
    },
    translate: (thrown) => (thrown instanceof LifeboatError ? thrown : unreachable(thrown)),
  })
}
