import type { BackupId, TargetId } from '@lifeboat/shared/domain/ids.ts'
import type { Candidate } from './question.ts'

/** By target, the backups that a copy there needs, directly or through its chain; one that is hidden may be brought back and needs them as well. */
export function stillNeeded(backups: readonly Candidate[]): ReadonlyMap<TargetId, ReadonlySet<BackupId>> {
  const children = backups.filter(({ needs }) => needs.length > 0)
  const needsOf = new Map(children.map(({ backupId, needs }) => [backupId, needs]))
  const needed = new Map<TargetId, Set<BackupId>>()
  for (const { needs, copies } of children)
    for (const { targetId } of copies) {
      const here = needed.get(targetId) ?? new Set()
      needed.set(targetId, here)
      const waiting = [...needs]
      for (let id = waiting.pop(); id !== undefined; id = waiting.pop()) {
        if (here.has(id)) continue
        here.add(id)
        waiting.push(...(needsOf.get(id) ?? []))
      }
    }
  return needed
}
