import type { Rule } from '../world.ts'
import { isUsed } from './is-used.ts'

const SHOWN = 10

/** The store holds copies that were let go. That is the purpose of a lock; what a person should know is until when it costs room. */
export const copyLocked: Rule = (world) =>
  [...Map.groupBy(world.locked, ({ targetId }) => targetId)].flatMap(([targetId, copies]) => {
    if (!isUsed(world, targetId)) return []
    return {
      cause: `copy-locked.${targetId}`,
      rule: 'copy-locked',
      severity: 'warning',
      title: `${targetId} still holds backups that were let go`,
      details: copies
        .toSorted((a, b) => (a.backupId < b.backupId ? -1 : 1))
        .slice(0, SHOWN)
        .map(
          ({ backupId, sourceId, until }) =>
            `${backupId} of ${sourceId}: locked ${until ? `until ${until}` : 'without an end'}`,
        ),
      hint: 'Nothing to do where a date stands: they are removed when the lock ends. Without a date the provider has a legal hold on them, which only its owner can release.',
    }
  })
