import { createHash } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { SourceId } from '@lifeboat/shared/domain/ids.ts'
import type { Key } from '@lifeboat/shared/domain/keys.ts'
import { parseHistory } from '@lifeboat/shared/domain/timelines.ts'
import {
  clusterKey,
  parseLsn,
  type SegmentName,
  segmentAt,
  segmentRange,
  WAL_DIGEST_DIGITS,
  type WalObject,
  walKey,
} from '@lifeboat/shared/domain/wal.ts'
import type { Target } from '@lifeboat/storage/target.ts'
import type { TestPostgres } from './postgres.ts'
import { pipe, put } from './seal-backup.ts'

export interface SealWalOptions {
  pg: TestPostgres
  target: Target
  recipient: string
  sourceId?: string
  /** What becomes of a file before it is sealed: it is then stored, digested and named as if the server had sent it so. */
  harm?: (name: string, plain: Buffer) => Buffer
}

/**
 * Puts the WAL a server still has to a target, as an agent would: finished segments whole, the unfinished one as a piece, and the histories of its
 * timelines. Nothing is put twice.
 *
 * @returns keys in the order of the log
 */
export async function sealWal({ pg, target, recipient, ...opts }: SealWalOptions): Promise<Key[]> {
  const sourceId = (opts.sourceId ?? 'records') as SourceId
  const [{ system, flushed, current, size }] = await pg.query('postgres', WHERE)
  await seal(target, clusterKey(sourceId), Buffer.from(JSON.stringify({ format: 1, systemIdentifier: system })))
  const folder = join(pg.dataDir, 'pg_wal')
  const names = (await readdir(folder)).filter(
    (name) => name <= current && /^[0-9A-F]{24}$|^[0-9A-F]{8}\.history$/.test(name),
  )
  const ends = [{ name: current, end: parseLsn(flushed) }, ...(await leftAt(folder, names, size))]
  const keys: Key[] = []
  for (const name of names.sort()) {
    const file = await readFile(join(folder, name))
    const end = ends.find((each) => each.name === name)?.end
    const sent =
      end === undefined ? file : file.subarray(0, Number(end - segmentRange(name as SegmentName, size).start))
    const plain = opts.harm?.(name, sent) ?? sent
    if (plain.length === 0) continue
    const key = walKey(sourceId, objectOf(name, plain, size))
    keys.push(key)
    if (await target.stat(key, { signal: AbortSignal.timeout(300_000) })) continue
    await seal(target, key, await pipe('age', ['-r', recipient], await pipe('zstd', ['-q', '-c', '-1'], plain)))
  }
  return keys
}

const WHERE = `
  select (select system_identifier::text from pg_control_system()) as system, pg_current_wal_flush_lsn()::text as flushed,
         pg_walfile_name(pg_current_wal_flush_lsn()) as current, (select bytes_per_wal_segment from pg_control_init()) as size`

/** A server sends of a timeline what was written up to where it was left, though the file is as long as any. */
async function leftAt(folder: string, names: readonly string[], size: number) {
  const newest = names
    .filter((name) => name.endsWith('.history'))
    .sort()
    .at(-1)
  if (newest === undefined) return []
  const branches = parseHistory(Number.parseInt(newest, 16), await readFile(join(folder, newest), 'utf8'))
  return branches.map(({ timeline, end }) => ({ name: segmentAt(timeline, end, size), end }))
}

function objectOf(name: string, plain: Buffer, segmentBytes: number): WalObject {
  const digest = createHash('sha256').update(plain).digest('hex').slice(0, WAL_DIGEST_DIGITS)
  if (name.endsWith('.history')) return { kind: 'history', timeline: Number.parseInt(name, 16), digest }
  const segment = name as SegmentName
  if (plain.length === segmentBytes) return { kind: 'segment', segment, digest }
  return { kind: 'piece', segment, from: 0, to: plain.length, digest }
}

async function seal(target: Target, key: Key, bytes: Buffer): Promise<void> {
  await put(target, key, bytes, 'part')
}
