import type { FilesSourceConfig } from '@lifeboat/files/source-config.ts'
import type { SourceConnection } from '@lifeboat/postgres/connection.ts'
import type { FilesOrder, RestoreOrder } from '@lifeboat/shared/domain/restore.ts'
import type { Run } from '@lifeboat/shared/run/run.ts'
import type { Awaiting } from '@lifeboat/storage/lent/awaiting.ts'
import type { DatabaseSource, RestoreConfig } from '../config.ts'
import type { AgentDeps } from '../deps.ts'
import type { Entry } from './book.ts'

/** A command that was accepted, and what is needed to obey it, whatever it is about. */
export interface AnyCommand {
  deps: AgentDeps
  restore: RestoreConfig
  order: RestoreOrder
  run: Run
  /** Fires when the operator cancels and at nothing else. */
  cancelled: AbortSignal
  /** Fires when this process has to end, or another host has our name: whoever gets the command next goes on. */
  leaving: AbortSignal
  /** For how long one target may keep it from another that can help. */
  patienceMs: number
  /** Whether it goes on waiting for an uploader. */
  awaiting: Awaiting
  /** As the book has it now. */
  entry(): Entry
  /** Writes down how far it has come, before it goes on. */
  step(
    stage: Entry['stage'],
    more?: Pick<
      Entry,
      'aside' | 'back' | 'cluster' | 'dropping' | 'files' | 'hook' | 'passedOver' | 'stopped' | 'taken'
    >,
  ): Promise<void>
  report(phase: string): void
}

/** About a database or its cluster. */
export interface Command extends AnyCommand {
  source: DatabaseSource
  /** As a superuser, in another database than the one that is restored. */
  server: SourceConnection
  /** The name everybody uses. */
  database: string
}

/** About a tree of files. */
export interface FilesCommand extends AnyCommand {
  files: FilesSourceConfig
}

export type FilesCommandTo<A extends FilesOrder['action']> = FilesCommand & { order: FilesOrder<A> }
