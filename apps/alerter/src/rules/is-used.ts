import type { World } from '../world.ts'

/** Whether a policy still sends backups there; what was once known of a target nobody configures any more is no news. */
export function isUsed({ plans }: Pick<World, 'plans'>, targetId: string): boolean {
  return plans.some(({ targets }) => (targets as readonly string[]).includes(targetId))
}
