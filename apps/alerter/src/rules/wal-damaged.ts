import type { Rule } from '../world.ts'

const SHOWN = 10

/** Reading back found that a target does not hold what was put there. It is put anew from another target if that is possible; open until it is. */
export const walDamaged: Rule = (world) =>
  [...Map.groupBy(world.walDamage, ({ sourceId, targetId }) => `${sourceId}.${targetId}`)].map(([about, damages]) => {
    const [{ sourceId, targetId }] = damages as [(typeof damages)[0]]
    return {
      cause: `wal-damaged.${about}`,
      rule: 'wal-damaged',
      severity: 'critical',
      title: `WAL of ${sourceId} on ${targetId} is damaged`,
      details: damages
        .toSorted((a, b) => (a.key < b.key ? -1 : 1))
        .slice(0, SHOWN)
        .map(({ key, found, problem }) => `${found}: ${key}: ${problem}`),
      hint: `It is put anew from another target by itself, unless none has it whole or what lies there may not be removed: \`removal\` in docs/retention.md. Recovery from ${targetId} cannot pass it; a new base leads past it: \`lifeboat backup now\`.`,
    }
  })
