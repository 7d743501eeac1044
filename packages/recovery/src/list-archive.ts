import type { SourceId } from '@lifeboat/shared/domain/ids.ts'
import { type Ancestor, type Histories, parseHistory } from '@lifeboat/shared/domain/timelines.ts'
import { clusterKey, parseWalKey, type Timeline, walPrefix } from '@lifeboat/shared/domain/wal.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import { readSmall } from '@lifeboat/storage/read-small.ts'
import type { Reader } from './fetch/reader.ts'
import type { ListedWal } from './plan/coverage.ts'
import { walReader } from './wal/read-object.ts'

/** What the WAL archive of a source holds at one target. */
export interface Archive {
  wal: ListedWal[]
  histories: Histories
}

const LONGEST_MARKER_BYTES = 64 * 1024

/**
 * Lists the WAL of a source and reads the histories of its timelines.
 *
 * @param systemIdentifier of the backup that is to be recovered
 * @throws LifeboatError WAL_FOREIGN – the archive is another cluster's · WAL_DAMAGED | WAL_AMBIGUOUS | TARGET_…
 */
export async function listArchive(
  reader: Reader,
  sourceId: SourceId,
  of: { systemIdentifier: string; segmentBytes: number },
): Promise<Archive> {
  const { target, run } = reader
  await demandCluster(reader, sourceId, of.systemIdentifier)
  const wal: ListedWal[] = []
  for await (const { key, bytes, storedAt } of target.list(walPrefix(sourceId), { signal: run.signal })) {
    const object = parseWalKey(key)
    const at = storedAt === undefined ? Number.NaN : Date.parse(storedAt)
    if (object) wal.push({ key, object, bytes, ...(Number.isNaN(at) ? {} : { storedAt: at }) })
  }
  return { wal, histories: await readHistories(reader, wal, of.segmentBytes) }
}

async function demandCluster({ target, run }: Reader, sourceId: SourceId, systemIdentifier: string): Promise<void> {
  const key = clusterKey(sourceId)
  const body = await target.get(key, { signal: run.signal }).catch((thrown: unknown) => {
    // An archive that nobody began yet.
    if (LifeboatError.is(thrown, 'TARGET_KEY_ABSENT')) return undefined
    throw thrown
  })
  if (!body) return
  const text = (await readSmall(body, key, LONGEST_MARKER_BYTES)).toString('utf8')
  const found = /"systemIdentifier"\s*:\s*"(\d+)"/.exec(text)?.[1]
  if (found !== systemIdentifier) throw new LifeboatError('WAL_FOREIGN', { key, expected: systemIdentifier, found })
}

async function readHistories(reader: Reader, wal: readonly ListedWal[], segmentBytes: number): Promise<Histories> {
  const histories = new Map<Timeline, Ancestor[]>()
  const listed = wal.filter(({ object }) => object.kind === 'history')
  const read = listed.length > 0 ? await walReader(reader, segmentBytes) : undefined
  for (const each of listed) {
    if (each.object.kind !== 'history' || !read) continue
    const { timeline } = each.object
    if (histories.has(timeline)) throw new LifeboatError('WAL_AMBIGUOUS', { timeline, key: each.key })
    histories.set(timeline, parseHistory(timeline, (await read(each)).toString('utf8')))
  }
  return histories
}
