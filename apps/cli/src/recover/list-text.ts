import type { Seen, Sight } from '@lifeboat/recovery/bare/look.ts'
import { isProven } from '@lifeboat/recovery/bare/pick.ts'
import { backupBytes } from '@lifeboat/shared/domain/manifest.ts'
import { formatBytes } from '@lifeboat/shared/time/duration.ts'
import { sinceText, timeText } from '../format/moments.ts'
import type { Style } from '../format/style.ts'
import { indent, table } from '../format/table.ts'

/** What lies at a target, the newest first. */
export function listText({ backups, checked, distrusted }: Sight, nowMs: number, style: Style): string {
  const rows = backups.toReversed().map((seen) => row(seen, nowMs, style))
  return [
    table(['source', 'backup', 'of', 'age', 'size', 'PostgreSQL', 'drill', 'signed by'].map(style.dim), rows),
    '',
    checked
      ? style.good('Every signature was checked.')
      : style.warn('Signatures were not checked: give the public keys with --signer name=key.'),
    ...distrustedText(distrusted, style),
    'To bring one back add --identity FILE and --to FOLDER (or --server ADDRESS); --dry-run only plans.',
  ].join('\n')
}

/** The same for --json. */
export function listValue({ backups, checked, distrusted }: Sight) {
  return {
    signatures: checked ? 'checked' : 'unchecked',
    distrusted,
    backups: backups.toReversed().map((seen) => {
      const { sourceId, backupId, kind, database, snapshotAt, server, files, recipients } = seen.manifest
      const about = { sourceId, backupId, kind, database, snapshotAt, bytes: backupBytes(seen.manifest) }
      return {
        ...about,
        ...(files && { root: files.root }),
        ...(server && { server: { major: server.major, version: server.version } }),
        recipients,
        signer: seen.signer,
        proven: isProven(seen),
        drill: seen.drill,
      }
    }),
  }
}

export function distrustedText(distrusted: Sight['distrusted'], style: Style): string[] {
  if (distrusted.length === 0) return []
  const shown = distrusted.slice(0, 5).map(({ key, problem }) => `${key}: ${problem}`)
  const more = distrusted.length - shown.length
  const head = style.bad(`${distrusted.length} documents cannot be trusted and are passed over:`)
  return [head, indent([...shown, ...(more > 0 ? [`and ${more} more`] : [])].join('\n'))]
}

function row(seen: Seen, nowMs: number, style: Style): string[] {
  const { sourceId, backupId, snapshotAt, server } = seen.manifest
  const { drill } = seen
  const verdict = !drill ? style.dim('never') : isProven(seen) ? style.good('proven') : style.bad(drill.verdict)
  const size = formatBytes(backupBytes(seen.manifest))
  return [
    sourceId,
    backupId,
    timeText(snapshotAt),
    sinceText(snapshotAt, nowMs),
    size,
    String(server?.major ?? '–'),
    verdict,
    seen.signer,
  ]
}
