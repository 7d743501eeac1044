import type { CheckResult, Verdict } from '@lifeboat/shared/domain/drill.ts'
import type { BackupKind } from '@lifeboat/shared/domain/ids.ts'

type Required = readonly { check: CheckResult['check']; maySkip: boolean }[]

const SEALED: Required = [
  { check: 'manifest', maySkip: false },
  { check: 'digests', maySkip: false },
  { check: 'decrypt', maySkip: false },
]
const PHYSICAL: Required = [
  ...SEALED,
  { check: 'restore', maySkip: false },
  { check: 'backup-manifest', maySkip: false },
  { check: 'recover', maySkip: false },
  { check: 'heartbeat', maySkip: true },
  { check: 'checksums', maySkip: true },
]

/** What has to be answered before a copy counts as proven; `skipped` will do only where a backup may lack the thing. */
const REQUIRED: Record<BackupKind, Required> = {
  dump: [
    ...SEALED,
    { check: 'globals', maySkip: true },
    { check: 'restore', maySkip: false },
    { check: 'fingerprint', maySkip: false },
    { check: 'constraints', maySkip: false },
  ],
  base: PHYSICAL,
  incremental: [...PHYSICAL, { check: 'combine', maySkip: false }],
}

/**
 * Concludes from the answers alone. One failed check fails the copy, whatever could not be asked besides; an unable one, or a required one nobody
 * asked, leaves it open; only all of them passed prove it.
 *
 * @returns reasons, one sentence each; empty when proven
 */
export function judge(
  checks: readonly Pick<CheckResult, 'check' | 'subject' | 'answer' | 'detail'>[],
  kind: BackupKind,
): {
  verdict: Verdict
  reasons: string[]
} {
  const failures = checks.filter(({ answer }) => answer === 'failed')
  if (failures.length > 0) return { verdict: 'failed', reasons: failures.map(reasonOf) }
  const unable = checks.filter(({ answer }) => answer === 'unable')
  const unasked = REQUIRED[kind].filter(({ check, maySkip }) => !isAnswered(checks, check, maySkip))
  const reasons = unable.length > 0 ? unable.map(reasonOf) : unasked.map(({ check }) => `${check}: was not asked.`)
  return { verdict: reasons.length > 0 ? 'inconclusive' : 'proven', reasons }
}

function isAnswered(
  checks: readonly Pick<CheckResult, 'check' | 'answer'>[],
  check: string,
  maySkip: boolean,
): boolean {
  const answers = checks.filter((each) => each.check === check).map(({ answer }) => answer)
  return answers.includes('passed') || (maySkip && answers.includes('skipped'))
}

function reasonOf({ check, subject, detail }: Pick<CheckResult, 'check' | 'subject' | 'detail'>): string {
  return `${check}${subject === undefined ? '' : ` ${subject}`}: ${detail}`
}
