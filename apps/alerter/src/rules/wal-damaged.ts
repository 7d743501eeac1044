import type { WalDamage } from '@lifeboat/catalog/audit/buckets.ts'
import { isGivenUp, nextStep } from '@lifeboat/catalog/audit/wal-stuck.ts'
import { wayOf } from '@lifeboat/catalog/wal-record.ts'
import { parseLsn } from '@lifeboat/shared/domain/wal.ts'
import type { Rule, World } from '../world.ts'
import { isUsed } from './is-used.ts'
import { minuteOf } from './minute-of.ts'

const SHOWN = 10

/**
 * A look found that a target does not hold WAL that was put there. It is put anew from another target if that is possible; open until it is, and told also when it was
 * mended before anybody could look. What nobody has any more is over when a base leads past it there.
 */
export const walDamaged: Rule = (world) => {
  const news = world.walDamage.filter((damage) => isUsed(world, damage.targetId) && !isPast(damage, world))
  return [...Map.groupBy(news, ({ sourceId, targetId }) => `${sourceId}.${targetId}`)].map(([about, damages]) => {
    const [{ sourceId, targetId }] = damages as [WalDamage]
    const steps = new Set(damages.filter(({ mended }) => mended === undefined).map(nextStep))
    return {
      cause: `wal-damaged.${about}`,
      rule: 'wal-damaged',
      severity: 'critical',
      title: `WAL of ${sourceId} on ${targetId} is damaged or missing`,
      details: damages.toSorted(openFirst).slice(0, SHOWN).map(detail),
      hint: steps.size === 0 ? `It is whole again. Look who changes what lies on ${targetId}.` : [...steps].join(' '),
    }
  })
}

function isPast(damage: WalDamage, { physical, wal }: World): boolean {
  const state = wal.find(({ sourceId }) => sourceId === damage.sourceId)?.state
  const bases = (physical.get(damage.sourceId) ?? []).flatMap(({ copies, physical: base }) =>
    base && ['stored', 'proven'].includes(copies[damage.targetId] ?? '')
      ? [{ timeline: base.timeline, lsn: parseLsn(base.endLsn) }]
      : [],
  )
  return state !== undefined && isGivenUp(damage, bases, { segmentBytes: state.segmentBytes, way: wayOf(state) })
}

function openFirst(a: WalDamage, b: WalDamage): number {
  const [first, second] = [a, b].map(({ mended, stuck }) => (mended ? 2 : stuck ? 0 : 1)) as [number, number]
  return first - second || (a.key < b.key ? -1 : 1)
}

function detail({ found, key, problem, stuck, mended }: WalDamage): string {
  const what = `${found}: ${key}: ${problem}`
  if (mended)
    return `${what}; ${mended.from ? `put anew from ${mended.from}` : 'whole again'} at ${minuteOf(mended.at)}`
  if (stuck === undefined) return what
  return `stuck, ${what}; tried ${stuck.tries} times, again at ${minuteOf(stuck.again)}`
}
