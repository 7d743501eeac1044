import type { Secret } from '@lifeboat/shared/config/secret.ts'
import type { Run } from '@lifeboat/shared/run/run.ts'
import type { Target } from '@lifeboat/storage/target.ts'

/** Who fetches and decrypts, with what; the phases hand it along. */
export interface Reader {
  readonly target: Target
  readonly run: Run
  /** age identity file. */
  readonly identity: Secret
  /** A private folder for what is on its way; its owner removes it. */
  readonly workDir: string
  /** Decrypts by the age program alone, so that it is stock software that opens what the agent encrypted by itself. */
  readonly byProgram?: boolean
  /** Looked at before the usual places. */
  readonly toolPaths: readonly string[]
  /** Name → version line of the programs that took part. */
  readonly tools: Record<string, string>
  /** Told of all bytes that come from the target. */
  arrived(bytes: number): void
  /** Told the time of work that goes on beside other work, so that its sum tells what to speed up. */
  spent?(on: 'download', ms: number): void
}
