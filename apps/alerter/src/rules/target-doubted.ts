import { formatDuration } from '@lifeboat/shared/time/duration.ts'
import type { Rule } from '../world.ts'
import { isUsed } from './is-used.ts'

const PATIENCE_MS = 3_600_000

/** For an hour a target has shown so much less than it should that no look is believed: nothing there is called missing, and nothing expires. */
export const targetDoubted: Rule = (world) =>
  world.surveys.flatMap(({ targetId, doubt, doubtedSince, objects, backups, at }) => {
    const sinceMs = world.nowMs - Date.parse(doubtedSince ?? '')
    if (doubt === undefined || !(sinceMs >= PATIENCE_MS) || !isUsed(world, targetId)) return []
    return {
      cause: `target-doubted.${targetId}`,
      rule: 'target-doubted',
      severity: 'critical',
      title: `What ${targetId} lists is not believed`,
      details: [
        doubt,
        `It has been like that for ${formatDuration(sinceMs)}; the last look at ${at} found ${objects} objects of ${backups} backups`,
        'Until it is believed again nothing there is called missing, made anew or let go',
      ],
      hint: `Compare bucket, prefix and credentials of ${targetId} with the provider's own console, or look whether its disk is mounted. If the backups are really gone, \`lifeboat target audit ${targetId}\` lists what is left.`,
    }
  })
