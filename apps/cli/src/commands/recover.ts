import { demandSome } from '@lifeboat/recovery/bare/demand-some.ts'
import { look } from '@lifeboat/recovery/bare/look.ts'
import { type AnyPicked, pickAny } from '@lifeboat/recovery/bare/pick-any.ts'
import { type PlannedCluster, planCluster } from '@lifeboat/recovery/bare/plan-cluster.ts'
import { type DumpPlace, type PlannedDump, planDump } from '@lifeboat/recovery/bare/plan-dump.ts'
import { type PlannedFiles, planFiles } from '@lifeboat/recovery/bare/plan-files.ts'
import { recoverCluster } from '@lifeboat/recovery/bare/recover-cluster.ts'
import { recoverDump } from '@lifeboat/recovery/bare/recover-dump.ts'
import { recoverFiles } from '@lifeboat/recovery/bare/recover-files.ts'
import { openWorkFolder } from '@lifeboat/recovery/bare/work-folder.ts'
import type { Reader } from '@lifeboat/recovery/fetch/reader.ts'
import { RunId } from '@lifeboat/shared/domain/ids.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import type { Command, Context } from '../context.ts'
import { readIdentity } from '../keys/read-identity.ts'
import type { Outcome } from '../output.ts'
import { LiveLine } from '../progress/live-line.ts'
import { clusterText, dumpText, filesText } from '../recover/back-text.ts'
import { confirmName } from '../recover/confirm-name.ts'
import { type FromWhere, openFrom } from '../recover/from-where.ts'
import { listText, listValue } from '../recover/list-text.ts'
import { lookAtPaused } from '../recover/look-at-paused.ts'
import { planText } from '../recover/plan-text.ts'
import { folderOfTree, type RecoverArgs, type RecoverWish, readWish } from '../recover/read-wish.ts'
import { terminalLog } from '../terminal-log.ts'

/** Brings data back out of a target and a key alone: no bus, no catalogue, no services. Without a place to put it, lists what there is. */
export const recover: Command<RecoverArgs> = async (args, context) => {
  const wish = readWish(args, context.terminal)
  await using opened = await openDisposing(args, context)
  using live = new LiveLine(context.terminal, { silent: context.options.json ?? false })
  const { target, signers } = opened
  const { signal } = context.terminal
  const onRead = (done: number) => live.progress({ phase: 'look', done, unit: 'objects' }, context.clock.now())
  const sight = await look({ target, signers, signal, sourceId: wish.asked.sourceId, onRead })
  await demandSome(sight, { target, sourceId: wish.asked.sourceId, signal })
  if (!wish.place && !args.dryRun)
    return { value: listValue(sight), text: (style) => listText(sight, context.clock.now(), style) }
  const picked = pickAny(sight, wish.asked)
  await using reader = await openReader(args, opened, context, live)
  const planned: Planned = await plan(reader, picked, wish, { args, context })
  const about = {
    plan: planned.told,
    signatures: sight.checked ? 'checked' : 'unchecked',
    distrusted: sight.distrusted,
  }
  const [obstacle] = planned.told.obstacles
  if (args.dryRun)
    return {
      value: about,
      text: (style) => planText(planned.told, sight.checked, style),
      ...(obstacle && { exit: 'failed' as const }),
    }
  live.say(planText(planned.told, sight.checked, PLAIN))
  if (obstacle) throw new LifeboatError(obstacle.code, obstacle.facts)
  await confirmReplacing(wish, planned, { args, context, live })
  const back = await bringBack(reader, planned, wish, { args, context, live })
  return { ...back, value: { ...about, result: back.value } }
}

const same = (text: string) => text
const PLAIN = { good: same, warn: same, bad: same, dim: same, bold: same }

type Planned = PlannedCluster | PlannedDump | PlannedFiles

function plan(reader: Reader, picked: AnyPicked, wish: RecoverWish, { args, context }: Omit<Doing, 'live'>) {
  const { place, timeline } = wish
  const { clock } = context
  if (picked.kind === 'files') return planFiles(reader, picked, folderOfTree(args, wish), clock)
  if (picked.kind === 'dump')
    return planDump(reader, picked, dumpPlace(wish, picked.seen.manifest.database ?? ''), clock)
  if (place && 'server' in place)
    throw new LifeboatError('CLI_USAGE', {
      problem: 'a physical backup is a whole cluster: give --to instead of --server',
    })
  const goal = wish.asked.goal ?? { to: 'latest' }
  return planCluster(reader, picked, { goal, timeline, folder: place?.folder }, clock)
}

function dumpPlace({ place }: RecoverWish, database: string): DumpPlace | undefined {
  return place && 'server' in place ? { ...place, database: place.as ?? database } : place
}

async function confirmReplacing(
  { place }: RecoverWish,
  planned: Planned,
  { args, context, live }: Doing,
): Promise<void> {
  if (!place || !('server' in place) || !place.replace || planned.told.kind === 'files') return
  await confirmName(place.as ?? planned.told.server.database, args.confirm, context.terminal, live)
}

interface Doing {
  args: RecoverArgs
  context: Context
  live: LiveLine
}

async function bringBack(reader: Reader, planned: Planned, wish: RecoverWish, doing: Doing): Promise<Outcome> {
  const { args, context, live } = doing
  const onPhase = (phase: string) => live.say(`${phase} …`)
  if ('manifest' in planned) {
    const place = dumpPlace(wish, planned.manifest.database) as DumpPlace
    const back = await recoverDump(reader, planned.manifest, place, onPhase)
    return { value: back, text: (style) => dumpText(back, planned.told, style) }
  }
  if (!('plan' in planned)) {
    const back = await recoverFiles(reader, planned, folderOfTree(args, wish) as string, onPhase)
    return { value: back, text: (style) => filesText(back, planned.told, style) }
  }
  const { folder, port, start } = wish.place as Extract<DumpPlace, { folder: string }>
  const inspect = args.pause
    ? (paused: Parameters<typeof lookAtPaused>[0]) => lookAtPaused(paused, context.terminal, live)
    : undefined
  const back = await recoverCluster(reader, planned, { folder, port, start, inspect, onPhase })
  if (!back) return { value: { discarded: true }, text: () => `Discarded; ${folder} is empty again.` }
  return { value: back, text: (style) => clusterText(back, planned.told, style) }
}

async function openDisposing(args: RecoverArgs, context: Context): Promise<FromWhere & AsyncDisposable> {
  const from = await openFrom(args, context)
  return { ...from, [Symbol.asyncDispose]: () => from.target[Symbol.asyncDispose]() }
}

async function openReader(
  { identity, toolPath = [] }: RecoverArgs,
  { target }: FromWhere,
  { terminal, options, clock }: Context,
  live: LiveLine,
): Promise<Reader & AsyncDisposable> {
  const log = terminalLog(terminal, options.verbose ?? false)
  const key = await readIdentity(identity, terminal)
  const work = await openWorkFolder()
  return {
    ...{ target, identity: key, workDir: work.path, toolPaths: toolPath, tools: {}, arrived() {} },
    run: {
      ...{ id: RunId.parse('recover'), signal: terminal.signal, log },
      report: (progress) => live.progress(progress, clock.now()),
    },
    [Symbol.asyncDispose]: () => work[Symbol.asyncDispose](),
  }
}
