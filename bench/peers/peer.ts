import type { TestPostgres } from '@lifeboat/testkit/postgres.ts'

/** Another backup tool, set up for one cluster with a repository in a folder of its own. */
export interface Peer extends AsyncDisposable {
  /** e.g. `pgBackRest 2.45` */
  readonly name: string
  /** Whether it can take a backup of what changed. */
  readonly incremental: boolean
  backup(type: 'full' | 'incremental'): Promise<void>
  /** Bytes of backups in the repository now; its archive of WAL is not counted. */
  repositoryBytes(): Promise<number>
  /**
   * The newest backup into an empty folder, which then is a data directory that recovers by itself when it is started.
   *
   * @param until moment to stop at, as PostgreSQL takes it: `2026-09-26 13:59:00+02`; default the end of the backup
   */
  restore?(dataDir: string, until?: string): Promise<void>
}

export interface PeerOptions {
  postgres: TestPostgres
  /** Empty; the peer may do there what it likes. */
  folder: string
  /** zstd level. */
  level: number
  /** Cores to use. */
  processes: number
  /** Where it archives WAL: ahead of the server's asking. */
  asyncPush?: boolean
  /** By whatever it has for that. */
  encrypt?: boolean
}

/** @returns undefined where the peer is not installed */
export type OpenPeer = (opts: PeerOptions) => Promise<Peer | undefined>
