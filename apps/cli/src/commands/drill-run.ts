import { randomUUID } from 'node:crypto'
import { KvCatalog } from '@lifeboat/catalog/kv-catalog.ts'
import { suggestName } from '@lifeboat/config/did-you-mean.ts'
import { type DrillFinished, DrillRequested } from '@lifeboat/shared/bus/messages/drill.ts'
import type { BackupRecord } from '@lifeboat/shared/domain/backup.ts'
import { drillRunId, moment, type TargetId } from '@lifeboat/shared/domain/ids.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import type { Command } from '../context.ts'
import { withFleet } from '../open-fleet.ts'
import { findBackup } from '../parse-ids.ts'
import { parseDuration } from '../parse-moment.ts'
import { LiveLine } from '../progress/live-line.ts'
import { until } from '../wait/until.ts'
import { waitForDrill } from '../wait/wait-for-drill.ts'
import { drillText, exitOfVerdict } from './drill-text.ts'

export interface DrillRunArgs {
  backup: string
  target?: string
  wait?: boolean
  timeout?: string
}

/** Asks a verifier to restore one copy; with `--wait` ends by its verdict. */
export const drillRun: Command<DrillRunArgs> = (args, context) =>
  withFleet(context, [], async ({ bus }) => {
    const { terminal, options, clock } = context
    const timeoutMs = args.timeout === undefined ? undefined : parseDuration(args.timeout)
    const record = await findBackup(await KvCatalog.open(bus), args.backup)
    const targetId = chooseTarget(record, args.target)
    const { backupId, sourceId, policyId, kind } = record
    const runId = drillRunId(backupId, targetId, randomUUID())
    const since = clock.now()
    const wish = { runId, backupId, sourceId, policyId, kind, targetId }
    await bus.publish(DrillRequested, { ...wish, requestedBy: 'operator', requestedAt: moment(since) })
    if (!args.wait) return { value: wish, text: () => `asked for ${runId}` }
    using line = new LiveLine(terminal, { silent: options.json ?? false })
    line.say(`run ${runId}`)
    const { signal, why } = until(terminal.signal, timeoutMs)
    const finished: DrillFinished | undefined = await waitForDrill(bus, { runId, sourceId, since }, { signal, line })
    if (finished)
      return { value: finished, text: (style) => drillText(finished, style), exit: exitOfVerdict(finished.verdict) }
    const text = () => `no longer waiting: ${runId} goes on; \`lifeboat run cancel ${runId}\` would end it`
    return { value: { ...wish, outcome: why() }, text, exit: why() }
  })

/**
 * The given target, or else the copy that was drilled longest ago; one that was never drilled comes first.
 *
 * @throws LifeboatError TARGET_UNKNOWN | COPY_INCOMPLETE
 */
export function chooseTarget(record: BackupRecord, given?: string): TargetId {
  const targets = Object.keys(record.copies) as TargetId[]
  if (given !== undefined && !targets.includes(given as TargetId))
    throw new LifeboatError('TARGET_UNKNOWN', { target: given, suggestion: suggestName(given, targets) })
  const wanted = given === undefined ? targets : [given as TargetId]
  const complete = wanted.filter((target) => record.copies[target]?.storedAt !== undefined)
  const lastDrill = (target: TargetId) => record.copies[target]?.lastDrill?.at ?? ''
  const chosen = complete.sort((a, b) => (lastDrill(a) < lastDrill(b) ? -1 : 1))[0]
  if (chosen === undefined) throw new LifeboatError('COPY_INCOMPLETE', { backupId: record.backupId, targets: wanted })
  return chosen
}
