import { createHash } from 'node:crypto'
import { Readable } from 'node:stream'
import type { Md5, Sha256, SourceId } from '@lifeboat/shared/domain/ids.ts'
import { clusterKey } from '@lifeboat/shared/domain/wal.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import { readSmall } from '@lifeboat/storage/read-small.ts'
import type { Target } from '@lifeboat/storage/target.ts'

/**
 * Says at the target which cluster the WAL of a source belongs to, before the first of it is written there. Asked of the target once per
 * process and source.
 *
 * @throws LifeboatError WAL_FOREIGN – the WAL of another cluster lies there under this name; nothing may be written beside it
 */
export async function demandCluster(
  target: Target,
  source: SourceId,
  systemIdentifier: string,
  signal: AbortSignal,
): Promise<void> {
  const sources = marked.get(target) ?? new Map<string, Promise<void>>()
  marked.set(target, sources)
  const name = `${source} ${systemIdentifier}`
  const known = sources.get(name)
  if (known !== undefined) return known
  const done = mark(target, source, systemIdentifier, signal)
  sources.set(name, done)
  await done.catch((thrown: unknown) => {
    sources.delete(name)
    throw thrown
  })
}

const marked = new WeakMap<Target, Map<string, Promise<void>>>()

const MOST_BYTES = 4096

async function mark(target: Target, source: SourceId, systemIdentifier: string, signal: AbortSignal): Promise<void> {
  const key = clusterKey(source)
  const marker = Buffer.from(`${JSON.stringify({ format: 1, systemIdentifier })}\n`)
  try {
    await target.put(key, () => Readable.from([marker], { objectMode: false }), {
      bytes: marker.byteLength,
      sha256: createHash('sha256').update(marker).digest('hex') as Sha256,
      md5: createHash('md5').update(marker).digest('hex') as Md5,
      role: 'marker',
      signal,
    })
  } catch (thrown) {
    if (!LifeboatError.is(thrown, 'TARGET_KEY_TAKEN')) throw thrown
    const there = await readMarker(target, key, signal)
    if (there === systemIdentifier) return
    const facts = { targetId: target.id, sourceId: source, key, there: there ?? 'no marker of ours', systemIdentifier }
    throw new LifeboatError('WAL_FOREIGN', facts, { cause: thrown })
  }
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
