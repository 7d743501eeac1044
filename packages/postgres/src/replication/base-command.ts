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
  /** Kilobytes per second of what crosses the wire, 32 to 1 048 576. */
  maxRateKbps?: number
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
    ...(opts.maxRateKbps === undefined ? [] : [`MAX_RATE ${Math.round(opts.maxRateKbps)}`]),
    ...(opts.incremental === undefined ? [] : ['INCREMENTAL true']),
    ...compressionOptions(opts.compression),
  ]
  return `BASE_BACKUP (${options.join(', ')})`
}

function compressionOptions(compression: BaseBackupOptions['compression']): string[] {
  if (compression === 'none') return []
  const { level, workers } = compression
  const detail = workers > 0 ? `level=${level},workers=${workers}` : `level=${level}`
  return ["COMPRESSION 'zstd'", `COMPRESSION_DETAIL '${detail}'`]
}
