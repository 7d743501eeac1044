import { formatDuration } from '@lifeboat/shared/time/duration.ts'
import type { Finding, Judgement, Rule, WatchedWal, World } from '../world.ts'
import { minuteOf } from './minute-of.ts'
import { isPresent } from './service-silent.ts'

/** The agent writes every five seconds. */
const STATE_OLD_AFTER_MS = 60_000
/** A restart of PostgreSQL or of the agent is shorter. */
const WAITS_TOO_LONG_MS = 2 * 60_000
/** A target that is away for so long is worth a look, also when enough others take the WAL. */
const TARGET_BEHIND_AFTER_MS = 3_600_000
/** Off-site is behind when so many pieces in a row did not come through; at least for this long. */
const PIECES_LATE = 6
const LATE_AT_LEAST_MS = 5 * 60_000

/** WAL does not flow: nobody tells of it, the server cannot be asked, or it does not get off-site. */
export const walSilent: Rule = (world) =>
  world.wal.flatMap((wal) => [...flow(wal, world), ...targetsBehind(wal, world)])

function flow(wal: WatchedWal, world: World): Judgement[] {
  const { sourceId, state } = wal
  const cause = `wal-silent.${sourceId}`
  const finding = { cause, rule: 'wal-silent', title: `The WAL of ${sourceId} does not go off-site` } as const
  const ageMs = state === undefined ? Number.POSITIVE_INFINITY : world.nowMs - Date.parse(state.at)
  if (ageMs > STATE_OLD_AFTER_MS) {
    const watchedMs = world.nowMs - world.watchingSinceMs
    // That the agent itself is gone is told by service-silent.
    if (watchedMs < WAITS_TOO_LONG_MS || isAgentGone(wal, world)) return [{ cause, unknown: true }]
    const heard =
      state === undefined ? 'Nothing was ever heard of it' : `Its agent said nothing of it since ${state.at}`
    return [{ ...finding, severity: 'critical', details: [heard, KEPT], hint: SILENT_HINT }]
  }
  if (state === undefined || state.status === 'refused') return []
  const safeMs = world.nowMs - Date.parse(state.safe.at)
  if (state.status === 'waiting' && safeMs > WAITS_TOO_LONG_MS) return [{ ...finding, ...waiting(state, safeMs) }]
  const late = Math.max(LATE_AT_LEAST_MS, PIECES_LATE * wal.flushEveryMs)
  return state.status === 'streaming' && safeMs > late ? [{ ...finding, ...delayed(state, safeMs) }] : []
}

type Rest = Pick<Finding, 'severity' | 'details' | 'hint'>

function waiting({ error, safe }: NonNullable<WatchedWal['state']>, safeMs: number): Rest {
  const facts = Object.entries(error?.facts ?? {}).map(([name, value]) => `${name}: ${String(value)}`)
  return {
    severity: 'critical',
    details: [
      `The agent cannot receive it and tries again; off-site is what was written until ${minuteOf(safe.at)}, ${formatDuration(safeMs)} ago`,
      ...(error ? [`${error.code}: ${error.title}`] : []),
      ...facts,
      KEPT,
    ],
    hint: error?.hint ?? 'Look in the agent’s log for wal.',
  }
}

function delayed({ safe, targets }: NonNullable<WatchedWal['state']>, safeMs: number): Rest {
  return {
    severity: 'critical',
    details: [
      `The agent receives it, but too few targets take it: off-site is what was written until ${minuteOf(safe.at)}, ${formatDuration(safeMs)} ago`,
      ...Object.entries(targets).map(([target, { at }]) => `${target} has WAL until ${minuteOf(at)}`),
      KEPT,
    ],
    hint: 'Look at the uploader’s log and at `lifeboat target check` of the targets that lag behind.',
  }
}

const KEPT = 'The server keeps it meanwhile: nothing is lost as long as its disk and the slot hold'
const SILENT_HINT = 'Look in the agent’s log for wal, and whether its lifeboat.yaml has this source under `wal`.'

function isAgentGone({ agentId }: WatchedWal, { services, nowMs }: World): boolean {
  const agent = services.find(({ service, name }) => service === 'backup-agent' && name === agentId)
  return agent !== undefined && !isPresent(agent, nowMs)
}

/** Enough targets have it, and one has not: like a copy that is behind, a warning about the target. */
function targetsBehind({ sourceId, state }: WatchedWal, world: World): Judgement[] {
  if (state === undefined || world.nowMs - Date.parse(state.at) > STATE_OLD_AFTER_MS) return []
  return Object.entries(state.targets).flatMap(([target, { at }]): Judgement[] => {
    const behindMs = Date.parse(state.safe.at) - Date.parse(at)
    if (behindMs < TARGET_BEHIND_AFTER_MS) return []
    return [
      {
        cause: `wal-silent.${sourceId}.${target}`,
        rule: 'wal-silent',
        severity: 'warning',
        title: `${target} does not take the WAL of ${sourceId}`,
        details: [
          `It has WAL until ${minuteOf(at)}; as many targets as required have it until ${minuteOf(state.safe.at)}`,
        ],
        hint: `Look at \`lifeboat target check ${target}\` and at the uploader’s log; what is missing there comes by itself, by now from other targets if need be, and \`lifeboat wal audit ${sourceId}\` tells what none of them has.`,
      },
    ]
  })
}
