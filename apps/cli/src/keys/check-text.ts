import type { KeyVerdict } from '@lifeboat/catalog/keys/judge-keys.ts'
import type { Style } from '../format/style.ts'
import { table } from '../format/table.ts'
import type { KeyCheck } from './check-keys.ts'

const SHOWN = 20

export function keyCheckText(
  check: KeyCheck,
  { without, recipients }: { without: readonly string[]; recipients: readonly string[] },
  style: Style,
): string {
  const { counts, backups, wal, identities } = check
  const paint: Record<KeyVerdict, (text: string) => string> = {
    ...{ readable: style.good, ending: style.warn, unreadable: style.bad, unknown: style.warn },
  }
  const told = [...backups.map((one) => ({ ...one, what: one.backupId })), ...wal].filter(
    ({ verdict }) => verdict !== 'readable',
  )
  const more = told.length - SHOWN
  const rows = identities.map(({ name, recipient, escrow, until, opens, aloneOpens }) => [
    name,
    [escrow ? 'escrow' : '', recipients.includes(recipient) ? 'in use' : 'retired'].filter(Boolean).join(', '),
    without.includes(name) ? style.warn('left out') : until === undefined ? 'always' : `until ${until}`,
    `${opens}`,
    `${aloneOpens}`,
  ])
  return [
    ...(rows.length > 0 ? [table(['IDENTITY', '', 'THERE', 'OPENS', 'NOTHING ELSE OPENS'], rows), ''] : []),
    ...told
      .slice(0, SHOWN)
      .map((one) => `${paint[one.verdict](one.verdict)}: ${one.what} of ${one.sourceId}: ${one.reason}`),
    ...(more > 0 ? [`… and ${more} more: --json`] : []),
    ...next(check, without).map((line) => `${style.bold('next')}: ${line}`),
    `${backups.length} kept backups and ${wal.length} stretches of WAL: ${Object.entries(counts)
      .filter(([, count]) => count > 0)
      .map(([verdict, count]) => `${count} ${paint[verdict as KeyVerdict](verdict)}`)
      .join(', ')}`,
  ].join('\n')
}

function next({ counts, identities }: KeyCheck, without: readonly string[]): string[] {
  if (identities.length === 0) return ['declare who has which key: `encryption.identities`, docs/keys.md']
  return [
    ...(counts.unreadable > 0 && without.length > 0 ? [`${without.join(' and ')} must not be destroyed yet`] : []),
    ...(counts.unreadable > 0 && without.length === 0
      ? ['look for the identity in the escrow and declare it; if there is none, take new backups now']
      : []),
    ...(counts.unknown > 0
      ? [
          '`lifeboat catalog rebuild TARGET` reads from the manifests what backups are encrypted to; `lifeboat key prove` tries the bytes',
        ]
      : []),
  ]
}
