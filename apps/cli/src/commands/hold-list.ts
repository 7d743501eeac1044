import { HOLDS_BUCKET } from '@lifeboat/catalog/expiry/buckets.ts'
import { readHolds } from '@lifeboat/catalog/expiry/gather.ts'
import type { Command } from '../context.ts'
import { timeText } from '../format/moments.ts'
import { table } from '../format/table.ts'
import { withFleet } from '../open-fleet.ts'

export const holdList: Command<{ all?: boolean }> = ({ all }, context) =>
  withFleet(context, [], async ({ bus }) => {
    const holds = await readHolds(await bus.bucket(HOLDS_BUCKET))
    const shown = holds.filter(({ released }) => all || !released).sort((a, b) => (a.holdId < b.holdId ? -1 : 1))
    return {
      value: shown,
      text: (style) => {
        if (shown.length === 0) return 'nothing is held'
        const rows = shown.map(({ holdId, sourceId, backupId, by, why, at, released }) => [
          holdId,
          backupId ?? `all of ${sourceId}`,
          timeText(at),
          by,
          released ? style.dim(`${why} (released ${timeText(released.at)} by ${released.by}: ${released.why})`) : why,
        ])
        return table(['hold', 'of', 'since', 'by', 'why'].map(style.dim), rows)
      },
    }
  })
