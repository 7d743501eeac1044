import type { Rule } from '../world.ts'
import { isUsed } from './is-used.ts'

const SHOWN = 10

/** Copies that should be locked are not, and the store does not lock them. */
export const copyUnlocked: Rule = (world) =>
  world.surveys.flatMap(({ targetId, locks }) => {
    const open = (locks?.drifted ?? []).filter(({ now }) => now === 'unlocked')
    if (open.length === 0 || !isUsed(world, targetId)) return []
    return {
      cause: `copy-unlocked.${targetId}`,
      rule: 'copy-unlocked',
      severity: 'critical',
      title: `Copies on ${targetId} should be locked and are not`,
      details: open.slice(0, SHOWN).map(({ backupId, sourceId, problem }) => `${backupId} of ${sourceId}: ${problem}`),
      hint: `Look whether the bucket of ${targetId} was made with object lock and whether its credentials may set it (docs/retention.md, "Locks").`,
    }
  })
