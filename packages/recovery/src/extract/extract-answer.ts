import type { ErrorReport } from '@lifeboat/shared/errors/lifeboat-error.ts'
import type { Extraction } from './extract-job.ts'

/** What the thread ends a job with. `disk`: the code of a system call's error. */
export type Answer = { extraction: Extraction } | { failure: ErrorReport } | { disk: string; message: string }

/** Said before the answer: the table of contents of a dump is in its file. */
export const LISTED = 'listed'
