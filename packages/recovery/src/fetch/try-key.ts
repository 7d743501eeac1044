import { decrypted } from '@lifeboat/shared/age/decrypt.ts'
import type { X25519Identity } from '@lifeboat/shared/age/identities.ts'
import type { Key } from '@lifeboat/shared/domain/keys.ts'
import type { Target } from '@lifeboat/storage/target.ts'

/**
 * Opens the beginning of something encrypted with this key alone, and reads no further: some 64 KiB. What comes out was authenticated.
 *
 * @param keys of its parts, in order
 * @returns plain bytes that were opened
 * @throws LifeboatError ARTIFACT_KEY_WRONG | ARTIFACT_UNREADABLE | TARGET_…
 */
export async function tryKey(
  target: Pick<Target, 'get'>,
  keys: readonly Key[],
  identities: readonly X25519Identity[],
  signal: AbortSignal,
): Promise<number> {
  for await (const plain of decrypted(bytesOf(target, keys, signal), identities, keys[0] ?? '')) return plain.length
  return 0
}

async function* bytesOf(
  target: Pick<Target, 'get'>,
  keys: readonly Key[],
  signal: AbortSignal,
): AsyncGenerator<Buffer> {
  for (const key of keys) yield* (await target.get(key, { signal })) as AsyncIterable<Buffer>
}
