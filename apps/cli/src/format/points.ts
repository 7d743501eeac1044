import type { RecoveryPoint } from '@lifeboat/catalog/sets.ts'
import type { Style } from './style.ts'
import { indent, table } from './table.ts'

/** A recovery point with its members, one a line. */
export function pointLines({ point, state, members }: RecoveryPoint, style: Style): string {
  const rows = members.map(({ policyId, sourceId, backupId, state: own, reason }) => [
    ...[
      policyId,
      sourceId,
      reason === undefined ? memberText(own, style) : style.bad(own),
      backupId ?? '–',
      reason ?? '',
    ],
  ])
  const head = `${style.bold(point)}  ${state === 'incomplete' ? style.bad(state) : memberText(state, style)}`
  return `${head}\n${indent(table(['member', 'source', 'state', 'backup', ''].map(style.dim), rows))}`
}

function memberText(state: string, style: Style): string {
  return state === 'proven' ? style.good(state) : state
}
