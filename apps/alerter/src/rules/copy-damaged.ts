import type { BackupRow } from '@lifeboat/catalog/catalog.ts'
import type { Rule } from '../world.ts'

const SHOWN = 10

/** A look at a target found copies missing or damaged. They are made whole from elsewhere if that is possible; open until they are. */
export const copyDamaged: Rule = (world) => {
  const rows = [...world.backups.values(), world.bad].flat()
  const targets = new Set(rows.flatMap(({ copies }) => Object.keys(copies)))
  return [...targets].sort().flatMap((target) => {
    const bad = rows.filter((row) => ['missing', 'damaged'].includes(stateAt(row, target)))
    if (bad.length === 0) return []
    return {
      cause: `copy-damaged.${target}`,
      rule: 'copy-damaged',
      severity: 'critical',
      title: `Copies on ${target} are missing or damaged`,
      details: bad.slice(0, SHOWN).map((row) => `${stateAt(row, target)}: ${row.backupId} of ${row.sourceId}`),
      hint: `They are made whole from another target by themselves, unless something wrong lies there and nothing may be removed: look at \`lifeboat target audit ${target}\` and \`removal\` in docs/retention.md.`,
    }
  })
}

function stateAt({ copies }: BackupRow, target: string): string {
  return (copies as Record<string, string>)[target] ?? ''
}
