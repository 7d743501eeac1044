import { Ledger } from '@lifeboat/catalog/ledger.ts'
import type { Bus } from '@lifeboat/shared/bus/bus.ts'
import { BackupRequested } from '@lifeboat/shared/bus/messages/backup.ts'
import { stateOf } from '@lifeboat/shared/domain/backup.ts'
import { moment, operatorRunId, type RunId, type SourceId } from '@lifeboat/shared/domain/ids.ts'
import type { SetPart } from '@lifeboat/shared/domain/set.ts'
import type { Command, Context } from '../context.ts'
import type { ExitName } from '../exit-codes.ts'
import type { Style } from '../format/style.ts'
import { withFleet } from '../open-fleet.ts'
import { timeoutMsOf } from '../parse-moment.ts'
import { choosePlans, type Plan } from '../plans.ts'
import { LiveLine } from '../progress/live-line.ts'
import { asMembers } from '../sets/as-members.ts'
import type { BackupStory } from '../wait/backup-story.ts'
import { type Goal, hasReached } from '../wait/goals.ts'
import { until } from '../wait/until.ts'
import { untilRecorded } from '../wait/until-recorded.ts'
import { waitForBackup } from '../wait/wait-for-backup.ts'
import { WHEN_QUIET } from '../wait/when-quiet.ts'

export interface BackupNowArgs {
  name: string
  policy?: string
  /** Of a set: what is missing there is taken. */
  point?: string
  /** true: until stored. */
  wait?: Goal | true
  timeout?: string
}

interface Wish {
  runId: RunId
  sourceId: SourceId
  policyId: string
}
type Waited = Wish & { story: BackupStory; exit: ExitName }

/** Writes the runs into the ledger and asks the agents for them; with `--wait` follows each to its end. */
export const backupNow: Command<BackupNowArgs> = (args, context) =>
  withFleet(context, ['sources', 'policies'], async ({ bus, config }) => {
    const timeoutMs = timeoutMsOf(args)
    const since = context.clock.now()
    const wishes: Wish[] = []
    const plans = choosePlans(config, args.name, args.policy)
    for (const { plan, set } of await asMembers(bus, config, {
      plans,
      name: args.name,
      point: args.point,
      nowMs: since,
    }))
      wishes.push(await wish(bus, plan, set, since))
    if (!args.wait)
      return { value: { runs: wishes }, text: () => wishes.map(({ runId }) => `asked for ${runId}`).join('\n') }
    const goal = args.wait === true ? 'stored' : args.wait
    const waited = await waitAll(bus, wishes, { goal, since, timeoutMs }, context)
    return {
      value: { runs: waited.map(shown) },
      text: (style) => waited.map((one) => told(one, style)).join('\n'),
      exit: worstExit(waited),
    }
  })

/** The ledger first: a wish nobody expected could vanish unseen. */
async function wish(bus: Bus, plan: Plan, set: SetPart | undefined, nowMs: number): Promise<Wish> {
  const { policyId, sourceId, agentId, kind, maxDurationMs, graceMs } = plan
  const runId = operatorRunId(policyId, sourceId, nowMs)
  const dueAt = moment(nowMs)
  const deadlineAt = moment(nowMs + graceMs + maxDurationMs)
  const ledger = await Ledger.open(bus)
  const about = {
    runId,
    sourceId,
    policyId,
    kind,
    requestedBy: 'operator' as const,
    dueAt,
    deadlineAt,
    ...(set && { set }),
  }
  await ledger.expect({ ...about, lateAt: moment(nowMs + graceMs) })
  await bus.publish(BackupRequested, { ...about, agentId })
  await ledger.apply(runId, 'wish')
  return { runId, sourceId, policyId }
}

async function waitAll(
  bus: Bus,
  wishes: readonly Wish[],
  wanted: { goal: Goal; since: number; timeoutMs: number | undefined },
  { terminal, options }: Context,
): Promise<Waited[]> {
  using line = new LiveLine(terminal, { silent: options.json ?? false })
  const { signal, why } = until(terminal.signal, wanted.timeoutMs)
  for (const { runId } of wishes) line.say(`run ${runId}`)
  using _quiet = line.whenQuiet(WHEN_QUIET)
  return await Promise.all(
    wishes.map(async (one) => {
      const story = await waitForBackup(
        bus,
        { runId: one.runId, goal: wanted.goal, since: wanted.since },
        { signal, line: wishes.length > 1 ? line.of(`${one.policyId} of ${one.sourceId}`) : line },
      )
      const { backupId, unchanged } = story
      if (story.end === 'reached' && backupId !== undefined && !unchanged)
        await untilRecorded(bus, { ...one, backupId }, (record) => hasReached(wanted.goal, stateOf(record)), signal)
      const exit: ExitName = story.end === 'reached' ? 'ok' : story.end === 'failed' ? 'failed' : why()
      return { ...one, story, exit }
    }),
  )
}

function shown({ runId, sourceId, policyId, story, exit }: Waited) {
  const { backupId, runState, sealedBytes, stored, refused, proven, error, reason, unchanged } = story
  return {
    runId,
    sourceId,
    policyId,
    outcome: exit,
    backupId,
    unchanged,
    runState,
    bytes: sealedBytes,
    stored,
    refused,
    proven,
    error,
    reason,
  }
}

function told({ runId, story, exit }: Waited, style: Style): string {
  const { backupId, stored, proven, error, reason } = story
  if (exit === 'ok' && story.unchanged) return `${style.good('done')}  nothing changed: ${backupId} holds it all`
  if (exit === 'ok') {
    const where =
      proven.length > 0
        ? `proven at ${proven.join(', ')}`
        : stored.length > 0
          ? `stored at ${stored.join(', ')}`
          : 'sealed'
    return `${style.good('done')}  ${backupId}: ${where}`
  }
  if (exit !== 'failed')
    return `${style.warn('no longer waiting')}  ${runId} goes on; \`lifeboat run cancel ${runId}\` would end it`
  const why = error ? `${error.code}: ${error.title}. ${error.hint}` : (reason ?? story.runState ?? '')
  return `${style.bad('failed')}  ${runId}: ${why}`
}

/** One bad end is a bad end; having stopped waiting says nothing either way. */
function worstExit(waited: readonly Waited[]): ExitName {
  const exits = waited.map(({ exit }) => exit)
  return exits.find((exit) => exit === 'failed') ?? exits.find((exit) => exit !== 'ok') ?? 'ok'
}
