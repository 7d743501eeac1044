import type { CheckResult, Verdict } from '@lifeboat/shared/domain/drill.ts'
import type { BackupKind } from '@lifeboat/shared/domain/ids.ts'

type Asked = Pick<CheckResult, 'check' | 'subject' | 'answer' | 'detail'> & { error?: { code: string } | undefined }

export interface Conclusion {
  verdict: Verdict
  reasons: string[]
}

/** `wal`: where the drill was to go on through the WAL archive. */
export type Judged = Conclusion & { wal?: Conclusion }

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
  tables: [
    ...SEALED,
    { check: 'restore', maySkip: false },
    { check: 'fingerprint', maySkip: false },
    { check: 'constraints', maySkip: true },
  ],
  base: PHYSICAL,
  incremental: [...PHYSICAL, { check: 'combine', maySkip: false }],
  files: [
    ...SEALED,
    { check: 'extract', maySkip: false },
    { check: 'members', maySkip: false },
    { check: 'owners', maySkip: true },
    { check: 'attributes', maySkip: true },
  ],
}

/**
 * Concludes from the answers alone. One failed check fails the copy, whatever could not be asked besides; an unable one, or a required one nobody
 * asked, leaves it open; only all of them passed prove it.
 *
 * What was asked about WAL behind the backup is concluded apart: a copy that came back to its own end is sound, and broken WAL is another matter,
 * which other copies and later bases share.
 *
 * @returns reasons, one sentence each; empty when proven
 */
export function judge(checks: readonly Asked[], kind: BackupKind): Judged {
  const copy = judgeCopy(checks, kind)
  const wal = judgeWal(checks.filter(isAboutWal), checks)
  return { ...copy, ...(wal && { wal }) }
}

function judgeCopy(all: readonly Asked[], kind: BackupKind): Conclusion {
  const checks = all.filter((each) => !isAboutWal(each))
  const failures = checks.filter(({ answer }) => answer === 'failed')
  if (failures.length > 0) return { verdict: 'failed', reasons: failures.map(reasonOf) }
  // What could not be asked of the WAL counts only where the drill ended with it.
  const unable = (isAnswered(checks, 'recover', false) ? checks : all).filter(({ answer }) => answer === 'unable')
  const unasked = REQUIRED[kind].filter(({ check, maySkip }) => !isAnswered(checks, check, maySkip))
  const reasons = unable.length > 0 ? unable.map(reasonOf) : unasked.map(({ check }) => `${check}: was not asked.`)
  return { verdict: reasons.length > 0 ? 'inconclusive' : 'proven', reasons }
}

/** undefined: the drill was to end with the backup. Of a copy that does not come back at all nobody can say that its WAL was at fault, unless the WAL itself was looked at. */
function judgeWal(asked: readonly Asked[], all: readonly Asked[]): Conclusion | undefined {
  if (asked.length === 0) return undefined
  const bad = asked.filter(({ answer }) => answer === 'failed' || answer === 'unable')
  const reasons = bad.map(reasonOf)
  if (bad.length === 0 && asked.some(({ subject }) => subject === 'replay')) return { verdict: 'proven', reasons }
  const surely = bad.some(({ answer, error }) => answer === 'failed' && !isReplayTrouble(error?.code))
  const copyCame = isAnswered(all, 'recover', false)
  const failed = surely || (copyCame && bad.some(({ answer }) => answer === 'failed'))
  return {
    verdict: failed ? 'failed' : 'inconclusive',
    reasons: bad.length > 0 ? reasons : ['wal: was not asked to its end.'],
  }
}

/** PostgreSQL's word that it could not go on; it may lie in the cluster as well as in the WAL. */
function isReplayTrouble(code: string | undefined): boolean {
  return code === 'RECOVERY_REFUSED' || code === 'RECOVERY_ENDED_EARLY'
}

/** The heartbeat of a cluster that was recovered to behind its backup says how far the WAL led. */
function isAboutWal({ check, subject }: Pick<Asked, 'check' | 'subject'>): boolean {
  return check === 'wal' || (check === 'heartbeat' && subject === 'wal')
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
