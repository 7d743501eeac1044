import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import type { Account } from './owner.ts'

/** What a scratch cluster is made of and where. */
export interface BootPlan {
  /** Where clusters to copy from are kept; on the same file system as `folder`. */
  templates: string
  /** Holds `data` and `server.log`. */
  folder: string
  socketDir: string
  initdb: string
  postgres: string
  /** Name of the superuser initdb makes. */
  superuser: string
  account: Account
  signal: AbortSignal
}

/** Makes what a program left behind, or its absence, the scratch server's trouble. */
export function unavailable(tool: string, signal: AbortSignal): (cause: unknown) => never {
  return (cause) => {
    signal.throwIfAborted()
    const { message, stderr } = cause as { message?: string; stderr?: string }
    throw new LifeboatError('DRILL_SCRATCH_UNAVAILABLE', { tool, message: stderr?.trim() || message }, { cause })
  }
}
