import { setsOf } from '@lifeboat/config/expand-sets.ts'
import type { ConfigOf } from '@lifeboat/config/sections.ts'
import type { Bus } from '@lifeboat/shared/bus/bus.ts'
import { operatorPointId, type PolicyId, RecoveryPointId } from '@lifeboat/shared/domain/ids.ts'
import type { SetPart } from '@lifeboat/shared/domain/set.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import type { Plan } from '../plans.ts'
import { readPoint } from './read-points.ts'

interface Wanted {
  plans: readonly Plan[]
  /** What the operator named. */
  name: string
  point: string | undefined
  nowMs: number
}

/**
 * The plans with the set their runs are to belong to: a set that is named gets a recovery point of its own, or what is missing of the one that is named. Anything
 * else is taken alone.
 *
 * @throws LifeboatError BACKUP_POINT_UNKNOWN; CLI_USAGE – the point is not one of this set
 */
export async function asMembers(
  bus: Bus,
  { policies }: Pick<ConfigOf<'policies'>, 'policies'>,
  { plans, name, point, nowMs }: Wanted,
): Promise<{ plan: Plan; set: SetPart | undefined }[]> {
  const setId = plans[0]?.setId
  if (point !== undefined) return missingOf(bus, { plans, name, point, nowMs })
  if (setId === undefined || setId !== name) return plans.map((plan) => ({ plan, set: undefined }))
  const set = { point: operatorPointId(setId, nowMs), setId, members: setsOf(policies).get(setId) ?? [] }
  return plans.map((plan) => ({ plan, set }))
}

async function missingOf(
  bus: Bus,
  { plans, name, point, nowMs }: Wanted & { point: string },
): Promise<{ plan: Plan; set: SetPart }[]> {
  const id = RecoveryPointId.safeParse(point)
  const found = id.success ? await readPoint(bus, id.data, nowMs) : undefined
  if (found === undefined) throw new LifeboatError('BACKUP_POINT_UNKNOWN', { point })
  const own = plans.filter((plan) => plan.setId === found.setId)
  if (own.length === 0) throw new LifeboatError('CLI_USAGE', { point, problem: `${name} does not take part in it` })
  const members = found.members.map(({ policyId, sourceId }) => ({ policyId, sourceId }))
  const lacking = found.members.filter(({ reason }) => reason !== undefined)
  return lacking.flatMap((member) =>
    own
      .filter(({ policyId, sourceId }) => policyId === member.policyId && sourceId === member.sourceId)
      .map((plan) => ({ plan, set: { point: found.point, setId: found.setId as PolicyId, members } })),
  )
}
