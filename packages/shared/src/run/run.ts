import type { RunId } from '../domain/ids.ts'
import type { Logger } from '../log/logger.ts'

/** What a run is doing right now, in glossary verbs; a phase name is a low-cardinality label. */
export type Phase = string

export interface Progress {
  phase: Phase
  done: number
  /** May grow while the work goes on; absent when nobody can know it. */
  total?: number
  unit: 'bytes' | 'rows' | 'checks' | 'objects'
}

/** One attempt at one piece of work. Every function that may take longer than a second is handed one. */
export interface Run {
  readonly id: RunId
  /** Any of: service stopping, operator cancel, deadline. Its reason is a LifeboatError. */
  readonly signal: AbortSignal
  /** Already bound to runId, sourceId, backupId … */
  readonly log: Logger
  /** Cheap and lossy: called per chunk, sent once a second on plain NATS and once at the end. It is not evidence. */
  report(progress: Progress): void
}
