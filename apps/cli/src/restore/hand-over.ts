import { resolve } from 'node:path'
import type { Bus } from '@lifeboat/shared/bus/bus.ts'
import { RestoreRequested, RestoreSettled } from '@lifeboat/shared/bus/messages/restore.ts'
import type { AgentId, RestoreId } from '@lifeboat/shared/domain/ids.ts'
import type { SignedOrder } from '@lifeboat/shared/domain/restore.ts'
import type { Context } from '../context.ts'
import { writeNew } from '../files.ts'
import { errorText } from '../format/error-text.ts'
import type { Style } from '../format/style.ts'
import type { Outcome } from '../output.ts'
import { parseDuration } from '../parse-moment.ts'
import { LiveLine } from '../progress/live-line.ts'
import { until } from '../wait/until.ts'
import { waitForFact } from '../wait/wait-for-fact.ts'
import { filesLines } from './files-text.ts'
import { diffText } from './tables-text.ts'

export interface Handed {
  restoreId: RestoreId
  agentId: AgentId
  order: SignedOrder
}

/** Writes the wish down for another operator or for `nats pub`, instead of sending it. */
export async function writeOrder(file: string, wish: Handed, { terminal }: Context): Promise<Outcome> {
  const path = resolve(terminal.cwd, file)
  await writeNew(path, `${JSON.stringify(wish)}\n`)
  const text = () =>
    `written: ${path}\nAnother operator adds a signature with \`lifeboat restore sign ${file} --key …\`; \`lifeboat restore send ${file}\` sends it.`
  return { value: { restoreId: wish.restoreId, file: path }, text }
}

/** Sends a signed command and tells what comes of it. */
export async function sendOrder(
  bus: Bus,
  wish: Handed,
  context: Context,
  timeout: string | undefined,
): Promise<Outcome> {
  const { terminal, options, clock } = context
  const { restoreId, agentId } = wish
  const since = clock.now() - 60_000
  const { duplicate } = await bus.publish(RestoreRequested, wish)
  using line = new LiveLine(terminal, { silent: options.json ?? false })
  line.say(duplicate ? `${restoreId} was sent before; looking what became of it …` : `sent ${restoreId} to ${agentId}`)
  const { signal, why } = until(terminal.signal, timeout === undefined ? undefined : parseDuration(timeout))
  const fits = (fact: RestoreSettled) => fact.restoreId === restoreId
  const wanted = { type: RestoreSettled, route: agentId, fits, runId: restoreId, since: duplicate ? 0 : since }
  const settled = await waitForFact(bus, wanted, { signal, line })
  if (settled)
    return {
      value: settled,
      text: (style) => settledText(settled, style),
      ...(settled.outcome !== 'done' && { exit: 'failed' as const }),
    }
  const text = () =>
    `no longer waiting: ${restoreId} goes on; \`lifeboat restore status\` tells of it, \`lifeboat restore cancel ${restoreId}\` ends it before the swap`
  return { value: { restoreId, outcome: why() }, text, exit: why() }
}

export function settledText(settled: RestoreSettled, style: Style): string {
  const { outcome, swapped, aside, terminated, dropped, tables, rows, cluster, diffs, schema, files, error } = settled
  const head = outcome === 'done' ? style.good('done') : style.bad(outcome)
  return [
    `${settled.restoreId}: ${head}`,
    ...(tables === undefined ? [] : [`${tables} tables with ${rows} rows came back and were compared.`]),
    ...(diffs ? ['Before anything was changed:', diffText(diffs)] : []),
    ...(schema === undefined ? [] : [`It lies in schema ${schema}, where nobody but superusers has rights yet.`]),
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
    ...(error ? [errorText(error, style)] : []),
  ].join('\n')
}

function clusterLines({ recovered, reach, state }: NonNullable<RestoreSettled['cluster']>): string[] {
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
  ]
}
