import { randomUUID } from 'node:crypto'
import type { Catalog } from '@lifeboat/catalog/catalog.ts'
import { KvCatalog } from '@lifeboat/catalog/kv-catalog.ts'
import { WAL_BUCKET } from '@lifeboat/catalog/wal-bucket.ts'
import { WAL_RECORD_BUCKET } from '@lifeboat/catalog/wal-record.ts'
import { suggestName } from '@lifeboat/config/did-you-mean.ts'
import type { Bus } from '@lifeboat/shared/bus/bus.ts'
import { type DrillFinished, DrillRequested } from '@lifeboat/shared/bus/messages/drill.ts'
import type { BackupRecord } from '@lifeboat/shared/domain/backup.ts'
import type { HeldWal, RecoverTo } from '@lifeboat/shared/domain/drill.ts'
import { heldWalOf } from '@lifeboat/shared/domain/held-wal.ts'
import {
  BackupId,
  drillRunId,
  isPhysicalKind,
  moment,
  type SourceId,
  type TargetId,
} from '@lifeboat/shared/domain/ids.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import type { Command } from '../context.ts'
import { drillGoal, parseWantedTime } from '../drill-goal.ts'
import { timeText } from '../format/moments.ts'
import { withFleet } from '../open-fleet.ts'
import { findBackup } from '../parse-ids.ts'
import { timeoutMsOf } from '../parse-moment.ts'
import { LiveLine } from '../progress/live-line.ts'
import { until } from '../wait/until.ts'
import { untilRecorded } from '../wait/until-recorded.ts'
import { waitForDrill } from '../wait/wait-for-drill.ts'
import { drillText, exitOfDrill } from './drill-text.ts'

export interface DrillRunArgs {
  /** A backup, or a source; default the only source that comes into question. */
  backup?: string
  /** A moment with its offset, `random` or `latest`. */
  toTime?: string
  target?: string
  wait?: boolean
  timeout?: string
}

/** Asks a verifier to restore one copy, on request to a moment behind its end; with `--wait` ends by its verdict. */
export const drillRun: Command<DrillRunArgs> = (args, context) =>
  withFleet(context, ['sources', 'wal'], async ({ bus, config }) => {
    const { terminal, options, clock } = context
    const timeoutMs = timeoutMsOf(args)
    const catalog = await KvCatalog.open(bus)
    const occasion = randomUUID()
    const sources = Object.keys(config.sources)
    const named = args.backup ?? onlyOne(args.toTime === undefined ? sources : Object.keys(config.wal))
    const { record, targetId, recoverTo, held } = await chooseCopy(bus, catalog, named, args, {
      sources,
      seed: occasion,
      nowMs: clock.now(),
    })
    const { backupId, sourceId, policyId, kind } = record
    const runId = drillRunId(backupId, targetId, occasion)
    const since = clock.now()
    const wish = {
      runId,
      backupId,
      sourceId,
      policyId,
      kind,
      targetId,
      ...(recoverTo && { recoverTo }),
      ...(held && { held }),
    }
    await bus.publish(DrillRequested, { ...wish, requestedBy: 'operator', requestedAt: moment(since) })
    const asked = `asked for ${runId}${goalText(backupId, recoverTo)}`
    if (!args.wait) return { value: wish, text: () => asked }
    using line = new LiveLine(terminal, { silent: options.json ?? false })
    line.say(asked)
    const { signal, why } = until(terminal.signal, timeoutMs)
    const finished: DrillFinished | undefined = await waitForDrill(bus, { runId, sourceId, since }, { signal, line })
    if (finished) await untilRecorded(bus, record, (now) => tells(now, finished), signal)
    if (finished) return { value: finished, text: (style) => drillText(finished, style), exit: exitOfDrill(finished) }
    const text = () => `no longer waiting: ${runId} goes on; \`lifeboat run cancel ${runId}\` would end it`
    return { value: { ...wish, outcome: why() }, text, exit: why() }
  })

/** It keeps the newest drill of a copy, which is this one or one behind it. */
function tells({ copies }: BackupRecord, { targetId, finishedAt }: DrillFinished): boolean {
  const last = copies[targetId]?.lastDrill
  return last !== undefined && last.at >= finishedAt
}

interface Copy {
  record: BackupRecord
  targetId: TargetId
  recoverTo?: RecoverTo
  held?: HeldWal | undefined
}

/** @throws LifeboatError CLI_USAGE */
function onlyOne(sources: readonly string[]): string {
  const [first, ...others] = sources
  if (first !== undefined && others.length === 0) return first
  throw new LifeboatError('CLI_USAGE', { problem: 'say which backup or source', sources })
}

/** @throws LifeboatError BACKUP_UNKNOWN | SOURCE_UNKNOWN | TARGET_UNKNOWN | COPY_INCOMPLETE | CLI_USAGE | RECOVERY_… */
async function chooseCopy(
  bus: Bus,
  catalog: Catalog,
  named: string,
  args: Pick<DrillRunArgs, 'toTime' | 'target'>,
  { sources, seed, nowMs }: { sources: readonly string[]; seed: string; nowMs: number },
): Promise<Copy> {
  const wanted = args.toTime === undefined ? undefined : parseWantedTime(args.toTime)
  const isSource = sources.includes(named)
  if (!isSource && !BackupId.safeParse(named).success) throw unknownName(named, sources)
  const given = isSource ? undefined : await findBackup(catalog, named)
  const sourceId = given?.sourceId ?? (named as SourceId)
  const summary = await catalog.summary(sourceId)
  if (wanted === undefined) {
    const record = given ?? (await findBackup(catalog, summary?.lastStored?.backupId ?? named))
    return { record, targetId: chooseTarget(record, args.target) }
  }
  if (given && !isPhysicalKind(given.kind))
    throw new LifeboatError('CLI_USAGE', {
      given: named,
      problem: `a backup of kind ${given.kind} brings back its own moment and no other`,
    })
  const state = (await (await bus.bucket(WAL_BUCKET)).get(sourceId))?.value
  const kept = (await (await bus.bucket(WAL_RECORD_BUCKET)).get(sourceId))?.value
  const question = { wanted, summary, state, record: kept, seed, nowMs }
  const targetId = args.target as TargetId | undefined
  const { from, recoverTo } = drillGoal({ ...question, from: given?.backupId, targetId })
  const record = await findBackup(catalog, from.backupId)
  const chosen = chooseTarget(record, args.target, from.targets)
  return { record, targetId: chosen, recoverTo, held: recoverTo === 'latest' ? heldWalOf(state, chosen) : undefined }
}

function unknownName(name: string, sources: readonly string[]): LifeboatError {
  if (/^\d{8}T/.test(name)) return new LifeboatError('BACKUP_UNKNOWN', { backupId: name })
  return new LifeboatError('SOURCE_UNKNOWN', { name, suggestion: suggestName(name, [...sources]) })
}

function goalText(backupId: string, recoverTo: RecoverTo | undefined): string {
  if (recoverTo === undefined) return ''
  return `: ${backupId} recovered ${recoverTo === 'latest' ? 'as far as there is WAL' : `to ${timeText(recoverTo.time)}`}`
}

/**
 * The given target, or else the copy that was drilled longest ago; one that was never drilled comes first.
 *
 * @throws LifeboatError TARGET_UNKNOWN | COPY_INCOMPLETE
 */
export function chooseTarget(record: BackupRecord, given?: string, among?: readonly TargetId[]): TargetId {
  const targets = Object.keys(record.copies) as TargetId[]
  if (given !== undefined && !targets.includes(given as TargetId))
    throw new LifeboatError('TARGET_UNKNOWN', { target: given, suggestion: suggestName(given, targets) })
  const wanted = given === undefined ? (among ?? targets) : [given as TargetId]
  const complete = wanted.filter((target) => record.copies[target]?.storedAt !== undefined)
  const lastDrill = (target: TargetId) => record.copies[target]?.lastDrill?.at ?? ''
  const chosen = complete.toSorted((a, b) => (lastDrill(a) < lastDrill(b) ? -1 : 1))[0]
  if (chosen === undefined) throw new LifeboatError('COPY_INCOMPLETE', { backupId: record.backupId, targets: wanted })
  return chosen
}
