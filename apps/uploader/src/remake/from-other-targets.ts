import { readWal } from '@lifeboat/catalog/audit/read-wal.ts'
import type { TargetId } from '@lifeboat/shared/domain/ids.ts'
import type { Key } from '@lifeboat/shared/domain/keys.ts'
import { bodiesOf } from '../bodies.ts'
import type { Lane } from '../deps.ts'

/** Where an object of WAL came from, or why it came from nowhere. */
export type Filled = { from: TargetId; bytes: number } | { from?: undefined; why: string }

/**
 * Puts an object of WAL from the first other target that holds it whole. What others answer is never passed on: it would be taken for the answer of the target that is
 * filled. One that is away, or breaks off, is told in `why`.
 *
 * @param makeRoom before the first put; says why there is none
 * @throws LifeboatError TARGET_… – of the target that is filled
 */
export async function fillFromOthers(
  lanes: readonly Lane[],
  { target }: Lane,
  key: Key,
  makeRoom: () => Promise<string | undefined>,
  signal: AbortSignal,
): Promise<Filled> {
  const away: TargetId[] = []
  for (const other of lanes) {
    if (other.target.id === target.id) continue
    const there = await wholeAt(other, key, signal)
    if (there === 'away') away.push(other.target.id)
    if (there === 'away' || there === undefined) continue
    const why = await makeRoom()
    if (why !== undefined) return { why }
    let broke = false
    const open = () => openAt(other, key, signal, () => (broke = true))
    try {
      using body = bodiesOf(await open(), open)
      await target.put(key, body, { ...there, role: 'wal', signal })
      return { from: other.target.id, bytes: there.bytes }
    } catch (thrown) {
      signal.throwIfAborted()
      if (!broke) throw thrown
      away.push(other.target.id)
    }
  }
  const none = 'no other target has it whole'
  return { why: away.length === 0 ? none : `${away.join(', ')} could not be read, and ${none}` }
}

/** @returns its digests; undefined: it is not there, or damaged there as well */
async function wholeAt({ target, gate }: Lane, key: Key, signal: AbortSignal) {
  if (gate.away) return 'away'
  try {
    return (await readWal(target, key, { signal })).content
  } catch {
    signal.throwIfAborted()
    return 'away'
  }
}

/** @param broke told that this target gave up, at once or in the middle, whatever the put makes of it */
async function openAt({ target }: Lane, key: Key, signal: AbortSignal, broke: () => void) {
  try {
    return (await target.get(key, { signal })).on('error', broke)
  } catch (thrown) {
    broke()
    throw thrown
  }
}
