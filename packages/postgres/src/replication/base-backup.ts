import { formatLsn, type Lsn, parseLsn, type Timeline } from '@lifeboat/shared/domain/wal.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import { ArchiveStream } from './archive-stream.ts'
import { type BaseBackupOptions, baseBackupCommand } from './base-command.ts'
import { type ChecksumFailure, ChecksumFailures } from './checksum-failures.ts'
import type { ReplicationConnection } from './connection.ts'
import type { Row } from './messages.ts'
import { uploadManifest } from './upload-manifest.ts'

export interface Tablespace {
  oid: string
  /** Of the folder it lies in at the server. */
  path: string
  /** As the server estimates it, before compression. */
  sizeKb: number
}

/** The order is fixed: one `begin`, the archives with `base` last, one `manifest`, one `end`. */
export type BasePiece =
  | { kind: 'begin'; startLsn: Lsn; timeline: Timeline; tablespaces: Tablespace[]; totalBytes: number }
  | {
      kind: 'archive'
      /** As the server names it: `base.tar.zst`, `16385.tar`. */
      name: string
      /** Absent for the data directory itself. */
      tablespace?: { oid: string; path: string }
      bytes: AsyncIterable<Buffer>
    }
  | { kind: 'manifest'; bytes: AsyncIterable<Buffer> }
  | { kind: 'end'; result: BaseBackupResult }

export interface BaseBackupResult {
  startLsn: Lsn
  endLsn: Lsn
  /** On which the backup ended; it began on the timeline of `begin`. */
  timeline: Timeline
  systemIdentifier: string
  tablespaces: Tablespace[]
  /** Empty when all is well, or when the cluster has no data checksums. */
  checksumFailures: ChecksumFailure[]
}

/**
 * Takes a base backup: what the server sends, in its order and with no byte held back longer than the reader needs.
 *
 * `bytes` of a piece are to be read to their end before the next piece is asked for; while nobody reads, the socket rests and so does the
 * server. The iteration reaches `end` only when the server said that the backup is complete. Whatever ends it earlier closes the connection.
 *
 * NOTE damaged pages (data checksums) do not end it: the server sends the whole backup with the pages as they are, its manifest and its end,
 * and only then reports an error. So the backup is complete and restorable, and `checksumFailures` says what is damaged in it; whether that
 * is worth keeping is the caller's decision.
 *
 * @param signal closes the connection at once and cancels the backup in the server
 * @throws LifeboatError SOURCE_CONNECTION_LOST | SOURCE_STANDBY_UNFIT | SOURCE_FILES_UNREADABLE | BASE_COMPRESSION_UNSUPPORTED |
 * BASE_INCREMENTAL_UNSUPPORTED | BASE_SUMMARIES_MISSING | BASE_PARENT_UNFIT | SOURCE_PROTOCOL_BROKEN | the signal's reason
 */
export async function* baseBackup(
  connection: ReplicationConnection,
  opts: BaseBackupOptions,
  signal: AbortSignal,
): AsyncGenerator<BasePiece, void, undefined> {
  using _ = connection.closeOn(signal)
  const failures = new ChecksumFailures()
  connection.onNotice = (word) => failures.note(word)
  let complete = false
  try {
    const { systemIdentifier } = await connection.identifySystem()
    if (opts.incremental !== undefined) await uploadManifest(connection, opts.incremental)
    connection.send(baseBackupCommand(opts))
    const begin = await readBegin(connection)
    yield begin
    yield* new ArchiveStream(connection, begin, opts, signal).pieces()
    const { damaged, ...end } = await readEnd(connection)
    complete = true
    const { startLsn, tablespaces } = begin
    const checksumFailures = damaged ? failures.found() : []
    yield { kind: 'end', result: { startLsn, tablespaces, systemIdentifier, ...end, checksumFailures } }
  } finally {
    connection.onNotice = () => {}
    if (!complete) connection.wire.destroy(new LifeboatError('SOURCE_CONNECTION_LOST', { message: 'given up' }))
  }
}

async function readBegin(connection: ReplicationConnection): Promise<Extract<BasePiece, { kind: 'begin' }>> {
  const position = readPosition(await connection.resultSet())
  const rows = await connection.resultSet()
  const spaces = rows.map(([oid, path, size]) => ({
    oid: oid?.toString() ?? '',
    path: path?.toString() ?? '',
    sizeKb: Number(size?.toString() ?? 0),
  }))
  await connection.expect('copyOut')
  return {
    kind: 'begin',
    startLsn: position.lsn,
    timeline: position.timeline,
    // The row without an oid is the data directory.
    tablespaces: spaces.filter(({ oid }) => oid !== ''),
    totalBytes: spaces.reduce((sum, { sizeKb }) => sum + sizeKb * 1024, 0),
  }
}

async function readEnd(
  connection: ReplicationConnection,
): Promise<{ endLsn: Lsn; timeline: Timeline; damaged: boolean }> {
  const { lsn, timeline } = readPosition(await connection.resultSet())
  const damaged = await connection.finish().then(
    () => false,
    (err: unknown) => {
      if (LifeboatError.is(err, 'BASE_CHECKSUMS_FAILED')) return true
      throw err
    },
  )
  return { endLsn: lsn, timeline, damaged }
}

function readPosition([row = []]: Row[]): { lsn: Lsn; timeline: Timeline } {
  const [lsn, timeline] = row.map((column) => column?.toString() ?? '')
  if (!lsn) throw new LifeboatError('SOURCE_PROTOCOL_BROKEN', { expected: 'a log position' })
  return { lsn: formatLsn(parseLsn(lsn)), timeline: Number(timeline) }
}
