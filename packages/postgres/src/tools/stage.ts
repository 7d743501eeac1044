/** One program of a pipeline. Secrets travel in `env` only: argv is public on most systems. */
export interface Stage {
  /** Short name for logs, blame and the manifest: `pg_dump`. */
  readonly tool: string
  /** Absolute path. */
  readonly program: string
  readonly args: readonly string[]
  /** The whole environment of the program: nothing is inherited. */
  readonly env: Readonly<Record<string, string>>
  /** The program writes a report for its caller to file descriptor 3; it ends up in the receipt. */
  readonly reports?: boolean
  /** Exit codes besides 0 with which the program did what it was asked for; what it says about it is its caller's to judge. */
  readonly tolerates?: readonly number[]
  /** Open file descriptor the program gets as its number 3 (4 where 3 takes its report), for what must stand neither in argv nor in a file. The caller closes it. */
  readonly inherits?: number
  /** What goes into the manifest's `encoding`; default the tool's name. */
  readonly encoding?: string
}

/** How one stage ended. */
export interface StageReceipt {
  readonly tool: string
  /** undefined when a signal ended it or it never started. */
  readonly exitCode?: number
  /** The exit code is one the stage tolerates. */
  readonly tolerated?: boolean
  readonly signal?: string
  /** Last lines, at most 16 KiB. */
  readonly stderr: string
  /** What the program wrote to file descriptor 3. */
  readonly report?: string
  readonly durationMs: number
  /** Why it could not be started (ENOENT, EACCES). */
  readonly notStarted?: string
}

/** What every tool gets: messages in English, a path for its own helpers, nothing of ours. */
export const BASE_ENV: Readonly<Record<string, string>> = { PATH: '/usr/local/bin:/usr/bin:/bin', LC_ALL: 'C.UTF-8' }
