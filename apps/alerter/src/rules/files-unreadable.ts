import { causeOf, planKey, type Rule } from '../world.ts'

/** The newest backup of a tree lacks files that its agent may not read. */
export const filesUnreadable: Rule = (world) =>
  world.plans.flatMap((plan) => {
    const [newest] = (world.backups.get(planKey(plan)) ?? []).filter((row) => row.sealedAt !== undefined)
    if (newest?.files === undefined || newest.files.unreadable === 0) return []
    const { unreadable, root } = newest.files
    return {
      cause: causeOf('files-unreadable', plan),
      rule: 'files-unreadable',
      severity: 'warning',
      title: `Files of ${plan.sourceId} could not be read and are not backed up (policy ${plan.policyId})`,
      details: [`${newest.backupId} lacks ${unreadable} of ${root}; \`lifeboat backup show\` names them`],
      hint: 'Give the account of the agent the right to read them (`lifeboat source check` names them all), or exclude them from the source.',
    }
  })
