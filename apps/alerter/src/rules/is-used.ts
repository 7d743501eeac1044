import type { World } from '../world.ts'

/** Whether a policy still sends backups there, or an agent WAL; what was once known of a target nobody configures any more is no news. */
export function isUsed({ plans, wal }: Pick<World, 'plans' | 'wal'>, targetId: string): boolean {
  return [...plans, ...wal].some(({ targets }) => (targets as readonly string[]).includes(targetId))
}
