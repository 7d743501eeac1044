import { type BrokenWal, brokenWal, isUnshown } from '@lifeboat/catalog/broken-wal.ts'
import type { Finding, Rule } from '../world.ts'

/** A drill could not replay the WAL of a target to its goal: the backups before are sound, what was written since cannot be recovered from there. */
export const walBroken: Rule = (world) =>
  [...world.physical].flatMap(([sourceId, rows]) => brokenWal(rows).map((broken) => finding(sourceId, broken)))

function finding(
  sourceId: string,
  { targetId, verdict, segment, reached, reasons, backupId, drillId, at }: BrokenWal,
): Finding {
  const surely = verdict === 'failed'
  const unshown = isUnshown({ verdict, reasons })
  const place =
    segment === undefined ? 'Where it breaks off is not known' : `The first WAL that is missing or bad: ${segment}`
  return {
    cause: `wal-broken.${sourceId}.${targetId}`,
    rule: 'wal-broken',
    severity: surely ? 'critical' : 'warning',
    title: surely
      ? `WAL of ${sourceId} on ${targetId} cannot be replayed`
      : unshown
        ? `No heartbeat shows how far the WAL of ${sourceId} on ${targetId} led a drill`
        : `WAL of ${sourceId} on ${targetId} ends before the moment a drill was to reach`,
    details: [
      `Found by drill ${drillId} of ${backupId} at ${at}; that backup is judged apart`,
      place,
      ...(reached === undefined ? [] : [`From there until ${reached} it can be recovered`]),
      ...reasons,
    ],
    hint: surely ? brokenHint(sourceId, targetId) : unshown ? UNSHOWN_HINT : shortHint(sourceId),
  }
}

function brokenHint(sourceId: string, targetId: string): string {
  return [
    'WAL that another target has whole is put anew from there by itself, once a look found it damaged:',
    `\`lifeboat target audit ${targetId} --all\` looks at once, and \`lifeboat wal audit ${sourceId}\` says how it stands and what nobody has any more.`,
    'A base leads past that: `lifeboat backup now`. Recover from another target until then.',
  ].join(' ')
}

const UNSHOWN_HINT =
  'Was the agent away shortly before that moment, or may its role not write the row (`lifeboat source check`)? The next drill to a later moment closes this.'

function shortHint(sourceId: string): string {
  return `\`lifeboat wal audit ${sourceId}\` says what is late there and which target has it; from there it comes by itself.`
}
