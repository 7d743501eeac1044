import { decideExpiry } from '@lifeboat/catalog/expiry/decide.ts'
import type { ExpiryQuestion } from '@lifeboat/catalog/expiry/question.ts'
import { suggestName } from '@lifeboat/config/did-you-mean.ts'
import type { ConfigOf } from '@lifeboat/config/sections.ts'
import { moment } from '@lifeboat/shared/domain/ids.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import { formatDuration } from '@lifeboat/shared/time/duration.ts'
import type { Command } from '../context.ts'
import { timeText } from '../format/moments.ts'
import type { Style } from '../format/style.ts'
import { table } from '../format/table.ts'
import { readSettings } from '../open-fleet.ts'
import { parseDuration } from '../parse-moment.ts'
import { type ComingRun, comingRuns } from '../schedule/coming-runs.ts'
import { tiesOmitted } from '../schedule/omitted.ts'
import { type CalendarPlan, calendarPlans } from '../schedule/plans.ts'
import { rulesInForce } from '../schedule/rules.ts'
import { type PlanForecast, simulate } from '../schedule/simulate.ts'

export interface ScheduleArgs {
  name?: string
  limit?: string
  simulate?: string
}

const LIMIT = 20

/** The calendar as the configuration has it; nobody is asked, so it answers without NATS. */
export const schedule: Command<ScheduleArgs> = async (args, context) => {
  const { config } = await readSettings(context, ['sources', 'policies', 'drills', 'expiry', 'targets', 'wal'])
  const plans = calendarPlans(config, args.name)
  if (plans.length === 0 && args.name !== undefined) throw unknown(args.name, config)
  const nowMs = context.clock.now()
  if (args.simulate !== undefined)
    return simulated(
      plans,
      rulesInForce(config),
      tiesOmitted(config, plans),
      nowMs,
      parseDuration(args.simulate, '--simulate'),
    )
  const runs = comingRuns(plans, nowMs, limitOf(args.limit))
  return { value: { at: moment(nowMs), runs }, text: (style) => runsText(runs, nowMs, style) }
}

function simulated(
  plans: readonly CalendarPlan[],
  rulesOf: ExpiryQuestion['rulesOf'],
  omits: readonly string[],
  fromMs: number,
  lengthMs: number,
) {
  const untilMs = fromMs + lengthMs
  const forecasts = [...simulate({ plans, fromMs, untilMs, rulesOf, decide: decideExpiry })]
  const runs = forecasts.reduce((sum, forecast) => sum + forecast.runs, 0)
  return {
    value: { from: moment(fromMs), until: moment(untilMs), runs, plans: forecasts, omits },
    text: (style: Style) => forecastText(forecasts, { runs, untilMs, omits }, style),
  }
}

function runsText(runs: readonly ComingRun[], nowMs: number, style: Style): string {
  if (runs.length === 0) return 'Nothing is planned.'
  const head = ['when', 'local time', 'zone', 'policy', 'source', 'kind'].map(style.dim)
  return table(
    head,
    runs.map(({ at, local, zone, policyId, sourceId, kind }) => [
      ...[`${timeText(at)}, in ${formatDuration(Date.parse(at) - nowMs)}`, local, zone, policyId, sourceId, kind],
    ]),
  )
}

function forecastText(
  forecasts: readonly PlanForecast[],
  all: { runs: number; untilMs: number; omits: readonly string[] },
  style: Style,
): string {
  const head = ['policy', 'source', 'kind', 'schedule', 'runs', 'first', 'last', 'kept in the end'].map(style.dim)
  const rows = forecasts.map(({ policyId, sourceId, kind, cron, zone, runs, first, last, kept }) => [
    ...[policyId, sourceId, kind, `${cron} ${zone}`, String(runs), timeText(first), timeText(last)],
    Object.entries(kept)
      .map(([target, { backups, oldest }]) => `${target} ${backups}${oldest ? ` since ${oldest.slice(0, 10)}` : ''}`)
      .join(', '),
  ])
  const note = `${all.runs} runs until ${timeText(moment(all.untilMs))}, as if each succeeded, found something new, and was proven at every target; what is kept then is decided by the rules \`lifeboat expiry\` goes by: everything, where nothing may be removed or a set is held.`
  return [table(head, rows), ...[note, ...all.omits].map(style.dim)].join('\n\n')
}

function limitOf(text: string | undefined): number {
  const limit = text === undefined ? LIMIT : Number(text)
  if (!Number.isInteger(limit) || limit < 1 || limit > 1000)
    throw new LifeboatError('CLI_USAGE', { given: text, problem: '--limit wants a whole number from 1 to 1000' })
  return limit
}

function unknown(
  name: string,
  { sources, policies, drills }: Pick<ConfigOf<'sources' | 'policies' | 'drills'>, 'sources' | 'policies' | 'drills'>,
) {
  return new LifeboatError('SOURCE_UNKNOWN', {
    name,
    suggestion: suggestName(name, [...Object.keys(sources), ...Object.keys(policies), ...Object.keys(drills)]),
  })
}
