import { type BrokenWal, brokenWal } from '@lifeboat/catalog/broken-wal.ts'
import type { Finding, Rule } from '../world.ts'

/** A drill could not replay the WAL of a target to its goal: the backups before are sound, what was written since cannot be recovered from there. */
export const walBroken: Rule = (world) =>
  [...world.physical].flatMap(([sourceId, rows]) => brokenWal(rows).map((broken) => finding(sourceId, broken)))

function finding(
  sourceId: string,
  { targetId, verdict, segment, reached, reasons, backupId, drillId, at }: BrokenWal,
): Finding {
  const surely = verdict === 'failed'
  const place =
    segment === undefined ? 'Where it breaks off is not known' : `The first WAL that is missing or bad: ${segment}`
  return {
    cause: `wal-broken.${sourceId}.${targetId}`,
    rule: 'wal-broken',
    severity: surely ? 'critical' : 'warning',
    title: surely
      ? `WAL of ${sourceId} on ${targetId} cannot be replayed`
      : `WAL of ${sourceId} on ${targetId} ends before the moment a drill was to reach`,
    details: [
      `Found by drill ${drillId} of ${backupId} at ${at}; that backup is judged apart`,
      place,
      ...(reached === undefined ? [] : [`From there until ${reached} it can be recovered`]),
      ...reasons,
    ],
    hint: `\`lifeboat wal audit ${sourceId}\` says which target has the WAL; copy it back from there. A new base leads past it: \`lifeboat backup now\`.`,
  }
}
