import type { Bus } from '@lifeboat/shared/bus/bus.ts'
import { RestoreRequested, RestoreSettled } from '@lifeboat/shared/bus/messages/restore.ts'
import type { AgentId, Moment, RestoreId } from '@lifeboat/shared/domain/ids.ts'
import type { SignedOrder } from '@lifeboat/shared/domain/restore.ts'
import type { Context } from '../context.ts'
import { errorText } from '../format/error-text.ts'
import type { Style } from '../format/style.ts'
import type { Outcome } from '../output.ts'
import { timeoutMsOf } from '../parse-moment.ts'
import { LiveLine } from '../progress/live-line.ts'
import { until } from '../wait/until.ts'
import { waitForFact } from '../wait/wait-for-fact.ts'
import { cancelledText } from './audit-text.ts'
import type { Begun } from './begun.ts'
import type { Earlier } from './earlier-run.ts'
import { filesLines } from './files-text.ts'
import { writeOrderFile } from './order-file.ts'
import { outOfAudit } from './out-of-audit.ts'
import { passedOverText } from './passed-over-text.ts'
import { diffText, extentText } from './tables-text.ts'

export interface Handed {
  restoreId: RestoreId
  agentId: AgentId
  order: SignedOrder
}

/** Writes the wish down for another operator or for `nats pub`, instead of sending it. */
export async function writeOrder(file: string, wish: Handed, { terminal }: Context): Promise<Outcome> {
  const path = await writeOrderFile(file, { wishes: [wish] }, terminal)
  return { value: { restoreId: wish.restoreId, file: path }, text: () => writtenText(file, path) }
}

/** What whoever would send it alone is told. */
export function tooFewText(signatures: number): string {
  return `the agent wants the signatures of ${signatures} operators: write the command down with --out FILE, let the others sign it with \`lifeboat restore sign\`, then \`lifeboat restore send\``
}

export function writtenText(file: string, path: string): string {
  return `written: ${path}\nAnother operator adds a signature with \`lifeboat restore sign ${file} --key …\`; \`lifeboat restore send ${file}\` sends it.`
}

/** Sends a signed command and tells what comes of it. @throws LifeboatError CLI_USAGE – then it was not sent */
export async function sendOrder(
  bus: Bus,
  wish: Handed,
  context: Context,
  timeout: string | undefined,
): Promise<Outcome> {
  const { terminal, options, clock } = context
  const { restoreId, agentId } = wish
  const timeoutMs = timeoutMsOf({ timeout })
  const since = clock.now() - 60_000
  const before = (await endsOf(bus, wish, since)).map(({ at }) => at)
  const { duplicate } = await bus.publish(RestoreRequested, wish)
  using line = new LiveLine(terminal, { silent: options.json ?? false })
  line.say(duplicate ? sentBeforeText(restoreId) : `sent ${restoreId} to ${agentId}`)
  const sent = duplicate ? { restoreId, agentId, since: 0 } : { restoreId, agentId, since, before }
  return awaitOrder(bus, sent, { terminal, line, timeoutMs })
}

/** Waits for a command that was sent before, however that ended or ends; of one that is over it tells what is still known. */
export async function awaitBegun(
  bus: Bus,
  begun: Begun | Earlier,
  { terminal, options }: Context,
  timeout: string | undefined,
): Promise<Outcome> {
  const { restoreId, agentId, at, state } = begun
  const timeoutMs = timeoutMsOf({ timeout })
  using line = new LiveLine(terminal, { silent: options.json ?? false })
  line.say(sentBeforeText(restoreId))
  if (state === 'over') {
    const settled = (await endsOf(bus, begun, 0)).findLast(({ outcome }) => outcome !== 'refused')
    return settled ? settledOutcome(settled) : outOfAudit(begun.events)
  }
  const told = state === 'sent' ? { since: Date.parse(at) } : { since: 0, accepted: true }
  return awaitOrder(bus, { restoreId, agentId, ...told }, { terminal, line, timeoutMs })
}

function sentBeforeText(restoreId: RestoreId): string {
  return `${restoreId} was sent before; looking what became of it …`
}

/** What came of it already: one that was sent with too few signatures is sent again under its id. */
async function endsOf(
  bus: Bus,
  { restoreId, agentId }: Pick<Handed, 'restoreId' | 'agentId'>,
  since: number,
): Promise<RestoreSettled[]> {
  const done = new AbortController()
  const reading = { route: agentId, since, signal: done.signal, caughtUp: () => done.abort() }
  const ends = await Array.fromAsync(bus.follow(RestoreSettled, reading))
  return ends.filter((fact) => fact.restoreId === restoreId)
}

interface Sent extends Pick<Handed, 'restoreId' | 'agentId'> {
  /** Milliseconds UTC. */
  since: number
  /** Its agent is or was at it: a refusal is about somebody who sent it once more, or too early. */
  accepted?: boolean
  /** Ends from before it was sent this time. */
  before?: readonly Moment[]
}

/** Tells what comes of a command that was sent. */
async function awaitOrder(
  bus: Bus,
  { restoreId, agentId, since, accepted = false, before = [] }: Sent,
  { terminal, line, timeoutMs }: Pick<Context, 'terminal'> & { line: LiveLine; timeoutMs: number | undefined },
): Promise<Outcome> {
  const { signal, why } = until(terminal.signal, timeoutMs)
  const fits = (fact: RestoreSettled) =>
    fact.restoreId === restoreId && !before.includes(fact.at) && !(accepted && fact.outcome === 'refused')
  const wanted = { type: RestoreSettled, route: agentId, fits, runId: restoreId, since }
  const settled = await waitForFact(bus, wanted, { signal, line })
  if (settled) return settledOutcome(settled)
  const text = () =>
    `no longer waiting: ${restoreId} goes on; \`lifeboat restore status\` tells of it, \`lifeboat restore cancel ${restoreId}\` ends it before the swap`
  return { value: { restoreId, outcome: why() }, text, exit: why() }
}

function settledOutcome(settled: RestoreSettled): Outcome {
  return {
    value: settled,
    text: (style) => settledText(settled, style),
    ...(settled.outcome !== 'done' && { exit: 'failed' as const }),
  }
}

export function settledText(settled: RestoreSettled, style: Style): string {
  const { outcome, swapped, aside, terminated, dropped, tables, rows, cluster, diffs, extent, schema, files } = settled
  const { newDatabase, passedOver = [], cancelledBy, error } = settled
  const head = outcome === 'done' ? style.good('done') : style.bad(outcome)
  return [
    `${settled.restoreId}: ${head}${cancelledBy === undefined ? '' : ` ${cancelledText(settled)}`}`,
    ...(tables === undefined
      ? []
      : [`${tables} table${tables === 1 ? '' : 's'} with ${rows} rows came back and were compared.`]),
    ...(extent ? [extentText(extent)] : []),
    ...(diffs ? ['Before anything was changed:', diffText(diffs)] : []),
    ...(schema === undefined ? [] : [`It lies in schema ${schema}, where nobody but superusers has rights yet.`]),
    ...(newDatabase === undefined
      ? []
      : [`It is there as ${newDatabase}; \`lifeboat restore release --as\` drops it again.`]),
    ...(files ? filesLines(files) : []),
    ...(swapped
      ? [
          aside === undefined
            ? 'It is in place.'
            : `It is in place; what was there before is now ${aside}.${terminated === undefined ? '' : ` ${terminated} sessions had to be ended.`}`,
        ]
      : []),
    ...(cluster ? clusterLines(cluster) : []),
    ...(dropped ? [dropped.length === 0 ? 'Nothing was left to drop.' : `Dropped: ${dropped.join(', ')}.`] : []),
    ...(swapped || outcome === 'done' ? [] : ['Production is as it was.']),
    ...passedOver.map((each) => `Passed over: ${passedOverText(each)}`),
    ...(error ? [errorText(error, style)] : []),
  ].join('\n')
}

function clusterLines({ place, recovered, reach, state }: NonNullable<RestoreSettled['cluster']>): string[] {
  const { lsn, timeline, lastCommitAt } = recovered
  const commit = lastCommitAt === undefined ? '' : `, last commit ${lastCommitAt}`
  const how = state === 'paused' ? 'It stands still and can only be read' : 'It can be written to'
  return [
    `Recovered to ${lsn} on timeline ${timeline}${commit}.`,
    ...(reach
      ? [
          `${how}, archives nowhere and follows nobody: psql -h 127.0.0.1 -p ${reach.port}, or as postgres on its host psql -h ${reach.folder} -p ${reach.port}`,
        ]
      : []),
    ...(reach && place === 'in place'
      ? [
          'It waits for its place: `lifeboat restore promote SOURCE --in-place` with the hooks puts it there, `lifeboat restore release SOURCE --beside` throws it away.',
        ]
      : []),
  ]
}
