import type { DrillRequested } from '@lifeboat/shared/bus/messages/drill.ts'
import type { DrillId, Moment } from '@lifeboat/shared/domain/ids.ts'
import type { Run } from '@lifeboat/shared/run/run.ts'
import type { Target } from '@lifeboat/storage/target.ts'
import type { DrillRules, HeartbeatRules } from './config.ts'
import type { VerifierDeps } from './deps.ts'
import type { Findings } from './findings.ts'

/** One drill while it goes on; the phases hand it along. */
export interface Drill {
  readonly id: DrillId
  readonly wish: DrillRequested
  readonly startedAt: Moment
  readonly target: Target
  readonly rules: DrillRules
  /** undefined: the configuration of this verifier does not say. */
  readonly heartbeat: HeartbeatRules | 'off' | undefined
  readonly run: Run
  readonly findings: Findings
  readonly deps: Pick<VerifierDeps, 'fleet' | 'signers' | 'identity' | 'scratchPath' | 'toolPaths' | 'clock'>
  /** A private folder for what is on its way; removed with the drill. */
  readonly workDir: string
  /** Name → version line of the programs that took part. */
  readonly tools: Record<string, string>
}
