import type { OpenBlock } from '@lifeboat/postgres/archive/follow-blocks.ts'
import type { ErrorReport } from '@lifeboat/shared/errors/lifeboat-error.ts'
import type { Extraction } from './extract-job.ts'

/** What the thread ends a job with. `disk`: the code of a system call's error. */
export type Answer = { extraction: Extraction } | { failure: ErrorReport } | { disk: string; message: string }

/** What of a dump is in its file; told again and again once its table of contents is. */
export interface Grown {
  bytes: number
  /** The data at their end. */
  block: OpenBlock | undefined
}

/** Said before the answer. */
export type Progress = { grown: Grown }
