import { Duration, formatDuration } from '@lifeboat/shared/time/duration.ts'
import { unknownName } from '../did-you-mean.ts'
import type { Finding } from '../problems.ts'
import type { Raw, Rule } from '../references.ts'
import { block, blocks, list, takings, text } from './raw.ts'
import { widestGapMs } from './widest-gap.ts'

const DAY_MS = 86_400_000

/** Locks for nobody, and WAL that is removable although what it leads on from is not. */
export const lockFindings: Rule = (raw, sections) => {
  if (!sections.has('targets')) return []
  const locked = blocks(raw, 'targets').filter(([, target]) => target.lock !== undefined)
  return locked.flatMap(([id, target]) => [
    ...(sections.has('policies') ? policyFindings(raw, id, block(block(target.lock).policies)) : []),
    ...(sections.has('policies') && sections.has('wal') ? walFindings(raw, id, block(target.lock).wal) : []),
  ])
}

function policyFindings(raw: Raw, target: string, days: Raw): Finding[] {
  const policies = new Map(takings(raw))
  return Object.keys(days).flatMap((name): Finding[] => {
    const about = { severity: 'error', path: ['targets', target, 'lock', 'policies', name], at: 'key' } as const
    const policy = policies.get(name)
    if (policy === undefined) return [{ ...about, ...unknownName('policy', name, [...policies.keys()]) }]
    if (list(policy.targets).includes(target)) return []
    return [{ ...about, message: 'this policy sends no backups here', hint: 'Leave it out.' }]
  })
}

/**
 * Any moment of the window is recovered from the base before it, so WAL must be locked since then. Locks of WAL are not renewed: one that is too short promises what it does
 * not keep, and is refused. Not to lock WAL at all is a choice.
 */
function walFindings(raw: Raw, target: string, days: unknown): Finding[] {
  const own = blocks(raw, 'wal').filter(([, wal]) => list(wal.targets).includes(target))
  if (own.length === 0 && days !== undefined) {
    const path = ['targets', target, 'lock', 'wal']
    return [{ severity: 'error', path, message: 'no WAL is sent here', hint: 'Leave it out.' }]
  }
  return own.flatMap(([source, wal]): Finding[] => {
    const window = Duration.safeParse(block(wal.keep).window)
    const path = ['targets', target, 'lock', ...(days === undefined ? [] : ['wal'])]
    if (!window.success || window.data <= 0) return typeof days === 'number' ? [endless(source, days, path)] : []
    const neededMs = window.data + gapMs(raw, { source, target })
    const lockedMs = typeof days === 'number' ? days * DAY_MS : 0
    if (lockedMs >= neededMs) return []
    const locked = lockedMs === 0 ? 'is not locked' : `is locked for ${formatDuration(lockedMs)}`
    const message = `WAL of ${source} ${locked}, and recovery within its window needs that of ${formatDuration(neededMs)}`
    const hint = `Let lock.wal be ${Math.ceil(neededMs / DAY_MS)} days: its window and the time between two bases.`
    if (days === undefined) return [{ severity: 'warning', path, at: 'key', message, hint }]
    return [{ severity: 'error', path, message, hint }]
  })
}

function endless(source: string, days: number, path: string[]): Finding {
  const message = `WAL of ${source} stays for good, and each object is locked for its first ${days} days only`
  const hint = `Say with wal.${source}.keep.window how far back recovery is to reach.`
  return { severity: 'warning', path, message, hint }
}

/** 0 where nobody can say. */
function gapMs(raw: Raw, { source, target }: { source: string; target: string }): number {
  const gaps = takings(raw).flatMap(([, { kind, sources, targets, schedule }]) => {
    const physical = kind === 'base' || kind === 'incremental'
    const leads = physical && list(sources).includes(source) && list(targets).includes(target)
    return leads && text(block(schedule).cron) !== undefined ? (widestGapMs(block(schedule)) ?? []) : []
  })
  return gaps.length === 0 ? 0 : Math.min(...gaps)
}
