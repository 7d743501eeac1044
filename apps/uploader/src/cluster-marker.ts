import { createHash } from 'node:crypto'
import { Readable } from 'node:stream'
import type { Md5, Sha256, SourceId } from '@lifeboat/shared/domain/ids.ts'
import type { Key } from '@lifeboat/shared/domain/keys.ts'
import { clusterKey, clusterOfBasesKey } from '@lifeboat/shared/domain/wal.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import { readSmall } from '@lifeboat/storage/read-small.ts'
import type { Target } from '@lifeboat/storage/target.ts'

/**
 * Says at the target which cluster the WAL of a source belongs to, before the first of it is written there. Asked of the target once per
 * process and source.
 *
 * @throws LifeboatError WAL_FOREIGN – WAL or bases of another cluster lie there under this name; nothing may be written beside them
 */
export function demandCluster(
  target: Target,
  source: SourceId,
  systemIdentifier: string,
  signal: AbortSignal,
): Promise<void> {
  const keys = { own: clusterKey(source), beside: clusterOfBasesKey(source) }
  return demandOnce(target, { source, systemIdentifier, ...keys }, signal)
}

/**
 * The same of a base or an incremental. Other kinds are of no cluster, and nothing is asked.
 *
 * @throws LifeboatError BASE_FOREIGN
 */
export async function demandClusterOfBase(
  target: Target,
  { sourceId: source, systemIdentifier }: { sourceId: SourceId; systemIdentifier?: string | undefined },
  signal: AbortSignal,
): Promise<void> {
  if (systemIdentifier === undefined) return
  const keys = { own: clusterOfBasesKey(source), beside: clusterKey(source) }
  await demandOnce(target, { source, systemIdentifier, ...keys }, signal).catch((thrown: unknown) => {
    if (!LifeboatError.is(thrown, 'WAL_FOREIGN')) throw thrown
    throw new LifeboatError('BASE_FOREIGN', thrown.facts, { cause: thrown })
  })
}

interface Claim {
  source: SourceId
  systemIdentifier: string
  /** Where it is said. */
  own: Key
  /** Where else it may be said; nothing is written there. */
  beside: Key
}

async function demandOnce(target: Target, claim: Claim, signal: AbortSignal): Promise<void> {
  const claims = marked.get(target) ?? new Map<string, Promise<void>>()
  marked.set(target, claims)
  const name = `${claim.own} ${claim.systemIdentifier}`
  const known = claims.get(name)
  if (known !== undefined) return known
  const done = mark(target, claim, signal)
  claims.set(name, done)
  await done.catch((thrown: unknown) => {
    claims.delete(name)
    throw thrown
  })
}

const marked = new WeakMap<Target, Map<string, Promise<void>>>()

const MOST_BYTES = 4096

async function mark(target: Target, claim: Claim, signal: AbortSignal): Promise<void> {
  const { systemIdentifier, own, beside } = claim
  if ((await target.stat(beside, { signal })) !== undefined) await demandSame(target, claim, beside, { signal })
  const marker = Buffer.from(`${JSON.stringify({ format: 1, systemIdentifier })}\n`)
  try {
    await target.put(own, () => Readable.from([marker], { objectMode: false }), {
      bytes: marker.byteLength,
      sha256: createHash('sha256').update(marker).digest('hex') as Sha256,
      md5: createHash('md5').update(marker).digest('hex') as Md5,
      role: 'marker',
      signal,
    })
  } catch (cause) {
    if (!LifeboatError.is(cause, 'TARGET_KEY_TAKEN')) throw cause
    await demandSame(target, claim, own, { signal, cause })
  }
}

async function demandSame(
  target: Target,
  { source, systemIdentifier }: Claim,
  key: Key,
  { signal, cause }: { signal: AbortSignal; cause?: unknown },
): Promise<void> {
  const there = await readMarker(target, key, signal)
  if (there === systemIdentifier) return
  const facts = { targetId: target.id, sourceId: source, key, there: there ?? 'no marker of ours', systemIdentifier }
  throw new LifeboatError('WAL_FOREIGN', facts, { cause })
}

/** @returns undefined where the marker is none of ours; throws TARGET_KEY_ABSENT where there is no archive */
export async function clusterAt(target: Target, source: SourceId, signal: AbortSignal): Promise<string | undefined> {
  return readMarker(target, clusterKey(source), signal)
}

async function readMarker(target: Target, key: string, signal: AbortSignal): Promise<string | undefined> {
  const body = await target.get(key, { signal })
  const text = (await readSmall(body, key, MOST_BYTES)).toString()
  try {
    return (JSON.parse(text) as { systemIdentifier?: string }).systemIdentifier
  } catch {
    return undefined
  }
}
