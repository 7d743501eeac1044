import { POLICY, type WorldConfig } from '@lifeboat/testkit/world/config.ts'

/** Once a day at this moment, to the second. */
export function cronAt(ms: number): string {
  const at = new Date(ms)
  return `${at.getUTCSeconds()} ${at.getUTCMinutes()} ${at.getUTCHours()} * * *`
}

/** Sets the policy's only run of the day; drills come from every target. */
export function dailyAt(config: WorldConfig, ms: number, grace = '5m'): void {
  const policy = config.policies[POLICY]
  if (policy === undefined) throw new Error(`the world has no policy ${POLICY}`)
  policy.schedule = { cron: cronAt(ms), zone: 'UTC' }
  policy.grace = grace
  policy.drill = { ...policy.drill, targets: 'each' }
}
