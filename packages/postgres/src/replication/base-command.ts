/** Server-side zstd; `workers` 0 compresses in the walsender itself. */
export interface BaseCompression {
  level: number
  workers: number
}

export interface BaseBackupOptions {
  /** Shown in `backup_label` and in pg_stat_progress_basebackup. */
  label: string
  /** `spread` waits for a gentle checkpoint, up to checkpoint_timeout × checkpoint_completion_target. */
  checkpoint: 'fast' | 'spread'
  /** That the server reads; what it has sent already, some megabytes in the buffers of the connection, is read ahead. */
  maxBytesPerSecond?: number
  compression: BaseCompression | 'none'
  /** Whether the WAL from start to end is inside, so that the backup stands alone. */
  wal: boolean
  /** The parent's `backup_manifest`, byte by byte: only blocks changed since then are sent (PostgreSQL 17 on). */
  incremental?: AsyncIterable<Uint8Array> | Uint8Array
  progress?: (progress: BaseProgress) => void
}

/** Before compression; `total` is the estimate made at the start and may be overtaken. */
export interface BaseProgress {
  done: number
  total: number
}

/**
 * @see https://www.postgresql.org/docs/current/protocol-replication.html – BASE_BACKUP
 */
export function baseBackupCommand(opts: BaseBackupOptions): string {
  const options = [
    // These commands know no backslash, other than SQL.
    `LABEL '${opts.label.replaceAll("'", "''")}'`,
    'PROGRESS true',
    `CHECKPOINT '${opts.checkpoint}'`,
    `WAL ${opts.wal}`,
    // Either the WAL is inside, or our own receiver has it: nobody waits for archive_command.
    'WAIT false',
    "MANIFEST 'yes'",
    // Tablespaces are found through a file that an operator can edit, not through links inside the tar.
    'TABLESPACE_MAP true',
    'VERIFY_CHECKSUMS true',
    ...rateOptions(opts.maxBytesPerSecond),
    ...(opts.incremental === undefined ? [] : ['INCREMENTAL true']),
    ...compressionOptions(opts.compression),
  ]
  return `BASE_BACKUP (${options.join(', ')})`
}

/** Kilobytes a second the server accepts as MAX_RATE. */
const RATE = { least: 32, most: 1_048_576 }

/**
 * The limit itself is kept by our reading (`read-pacer.ts`): MAX_RATE counts what is sent, which is less than what is read. But it keeps what is small
 * enough for the buffers of the connection from being read all at once.
 */
function rateOptions(bytesPerSecond = Number.POSITIVE_INFINITY): string[] {
  const kilobytes = Math.max(RATE.least, Math.ceil(bytesPerSecond / 1024))
  return kilobytes > RATE.most ? [] : [`MAX_RATE ${kilobytes}`]
}

function compressionOptions(compression: BaseBackupOptions['compression']): string[] {
  if (compression === 'none') return []
  const { level, workers } = compression
  const detail = workers > 0 ? `level=${level},workers=${workers}` : `level=${level}`
  return ["COMPRESSION 'zstd'", `COMPRESSION_DETAIL '${detail}'`]
}
