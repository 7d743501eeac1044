import { type ClassSurvey, SURVEYS_BUCKET } from '@lifeboat/catalog/audit/buckets.ts'
import { withDoubtedSince } from '@lifeboat/catalog/audit/doubted-since.ts'
import { type Survey, surveyTarget } from '@lifeboat/catalog/audit/survey.ts'
import { tellSurvey } from '@lifeboat/catalog/audit/tell-looks.ts'
import { KvCatalog } from '@lifeboat/catalog/kv-catalog.ts'
import { suggestName } from '@lifeboat/config/did-you-mean.ts'
import type { TargetId } from '@lifeboat/shared/domain/ids.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import { formatBytes } from '@lifeboat/shared/time/duration.ts'
import { impatient } from '@lifeboat/storage/layers/impatient.ts'
import { retrying } from '@lifeboat/storage/layers/retrying.ts'
import { openTarget } from '@lifeboat/storage/open-target.ts'
import type { Command } from '../context.ts'
import type { ExitName } from '../exit-codes.ts'
import type { Style } from '../format/style.ts'
import { indent } from '../format/table.ts'
import { withFleet } from '../open-fleet.ts'
import { LiveLine } from '../progress/live-line.ts'
import { type Filling, fillingsOf, fillingText } from '../target/fillings.ts'
import { type DeepAudit, readAll } from '../target/read-all.ts'
import { targetError } from '../wal/audit-source.ts'

const SILENCE_MS = 20_000

type Audit = { targetId: TargetId } & (
  | (Survey & { read?: DeepAudit; filling?: Filling | undefined; isToLock: boolean })
  | { error: LifeboatError }
)

/**
 * Lists what targets hold and compares it with the catalogue, and with `all` reads every byte of every copy and of all WAL; what it finds counts like a look of an
 * uploader, and what is wrong is asked to be made whole.
 */
export const targetAudit: Command<{ name?: string; all?: boolean }> = ({ name, all = false }, context) =>
  withFleet(context, ['targets', 'policies', 'wal', 'expiry'], async ({ bus, config, secret, log }) => {
    const known = Object.keys(config.targets) as TargetId[]
    if (name !== undefined && !known.includes(name as TargetId))
      throw new LifeboatError('TARGET_UNKNOWN', { name, suggestion: suggestName(name, known) })
    const catalog = await KvCatalog.open(bus)
    const surveys = await bus.bucket(SURVEYS_BUCKET)
    const ctx = { resolveSecret: async (ref: Parameters<typeof secret>[0]) => secret(ref), log }
    using line = new LiveLine(context.terminal, { silent: context.options.json ?? false })
    const look = async (targetId: TargetId): Promise<Audit> => {
      const targetConfig = config.targets[targetId]
      if (targetConfig === undefined) throw new LifeboatError('TARGET_UNKNOWN', { name: targetId })
      try {
        await using bare = await openTarget(targetId, targetConfig, ctx)
        const { signal } = context.terminal
        const progress = (done: number) =>
          line.progress({ phase: `list ${targetId}`, done, unit: 'objects' }, context.clock.now())
        const target = retrying(impatient(bare, { silenceMs: SILENCE_MS }))
        // Only uploaders know since when they mark what may move.
        const marks = (await surveys.get(targetId))?.value.classes?.marks ?? {}
        const looked = await surveyTarget(target, catalog, { signal, nowMs: context.clock.now(), marks, progress })
        await tellSurvey(bus, looked)
        // Only uploaders look at locks, with credentials that may renew them.
        const before = (await surveys.get(targetId))?.value
        const survey = { ...withDoubtedSince(looked.survey, before), ...(before?.locks && { locks: before.locks }) }
        await surveys.put(targetId, survey)
        const found = {
          targetId,
          ...looked,
          survey,
          filling: fillings.get(targetId),
          isToLock: 'lock' in targetConfig && targetConfig.lock !== undefined,
        }
        if (!all) return found
        const read = await readAll(target, { bus, catalog, line, clock: context.clock, signal })
        return { ...found, read }
      } catch (thrown) {
        return { targetId, error: targetError(thrown) }
      }
    }
    const fillings = await fillingsOf(bus, catalog, config, context.clock.now())
    const audits: Audit[] = []
    for (const targetId of name === undefined ? known : [name as TargetId]) audits.push(await look(targetId))
    return {
      value: audits.map(shown),
      text: (style) => audits.map((one) => auditText(one, style)).join('\n'),
      exit: exitOf(audits),
    }
  })

function exitOf(audits: readonly Audit[]): ExitName {
  if (audits.some((audit) => 'error' in audit)) return 'unreachable'
  const whole = audits.every(
    (audit) =>
      'survey' in audit &&
      audit.survey.doubt === undefined &&
      (audit.survey.classes?.misplaced.offline ?? 0) === 0 &&
      audit.survey.missing + audit.survey.damaged + badCount(audit.read) === 0,
  )
  if (!whole) return 'failed'
  return audits.some((audit) => 'survey' in audit && isToLookAt(audit)) ? 'attention' : 'ok'
}

/** Nothing is wrong with what the catalogue knows, but there is something it does not know, or that anybody with the right to remove could remove. */
function isToLookAt({ survey, isToLock }: Extract<Audit, { survey: unknown }>): boolean {
  return Object.keys(survey.unknown).length > 0 || (isToLock && areUnlocked(survey))
}

function areUnlocked({ locks, backups }: Survey['survey']): boolean {
  return locks === undefined ? backups > 0 : locks.drifted.some(({ now }) => now === 'unlocked')
}

function badCount(read: DeepAudit | undefined): number {
  return read === undefined ? 0 : read.bad.length + read.wal.bad.length
}

function shown(audit: Audit) {
  if ('error' in audit) return { targetId: audit.targetId, error: audit.error.toReport() }
  const { survey, findings, read, filling } = audit
  return { ...survey, findings, ...(read && { read }), ...(filling && { filling }) }
}

function auditText(audit: Audit, style: Style): string {
  if ('error' in audit)
    return `${style.bold(audit.targetId)}  ${style.bad(`${audit.error.code}: ${audit.error.title}. ${audit.error.hint}`)}`
  const { targetId, objects, bytes, backups, missing, damaged, unknown, unlisted, orphans, doubt, locks, classes } =
    audit.survey
  const { read, isToLock } = audit
  const filling = fillingText(audit.filling)
  const lines = [
    ...(doubt ? [style.bad(`not believed: ${doubt}`)] : []),
    ...audit.findings.map(({ sourceId, backupId, found, problem }) =>
      style.bad(`${found}: ${backupId} of ${sourceId}: ${problem}`),
    ),
    ...Object.entries(unknown).map(([source, count]) =>
      style.warn(`${count} backups of ${source} are not in the catalogue: lifeboat catalog rebuild ${targetId}`),
    ),
    ...(unlisted ?? []).map(({ sourceId, backupId }) => style.warn(`not in the catalogue: ${backupId} of ${sourceId}`)),
    ...(read === undefined ? [] : readText(read, style)),
    ...(filling === undefined ? [] : [filling]),
    ...(isToLock && locks === undefined && backups > 0
      ? [style.warn('no uploader has looked yet whether its copies are locked')]
      : []),
    ...(locks ? [`${locks.locked + locks.extended} copies locked at the last look of an uploader`] : []),
    ...(locks?.drifted ?? []).map(({ backupId, sourceId, problem, now }) =>
      style[now === 'locked' ? 'warn' : 'bad'](`not locked: ${backupId} of ${sourceId}: ${problem}`),
    ),
    ...(classes === undefined ? [] : classText(classes, style)),
    ...(orphans.objects > 0 ? [`${orphans.objects} leftovers, ${formatBytes(orphans.bytes)}`] : []),
  ]
  const frozen = classes?.misplaced.offline ?? 0
  const thaw = frozen > 0 ? `, ${frozen} to be thawed` : ''
  const state =
    doubt || missing + damaged + badCount(read) + frozen > 0
      ? style.bad(`${missing} missing, ${damaged + badCount(read)} damaged${thaw}`)
      : isToLookAt(audit)
        ? style.warn('to be looked at')
        : style.good('as the catalogue says')
  const head = `${style.bold(targetId)}  ${state}  ${style.dim(`${backups} backups, ${objects} objects, ${formatBytes(bytes)}`)}`
  return [head, ...lines.map((line) => indent(line))].join('\n')
}

function classText({ moved, late, misplaced }: ClassSurvey, style: Style): string[] {
  const lines = misplaced.shown.map(({ key, storageClass }) => style.warn(`in a wrong class: ${key}: ${storageClass}`))
  const rest = misplaced.objects - lines.length
  return [
    ...(moved.parts > 0 ? [`${moved.parts} parts moved by age, ${formatBytes(moved.bytes)}`] : []),
    ...(late.parts > 0
      ? [style.warn(`${late.parts} parts should have moved by now and have not, ${formatBytes(late.bytes)}`)]
      : []),
    ...lines,
    ...(rest > 0 ? [style.warn(`${rest} more in a wrong class`)] : []),
  ]
}

function readText({ copies, bytes, bad, wal }: DeepAudit, style: Style): string[] {
  const segments = wal.bad.map(({ key, problem }) =>
    style.bad(`damaged: ${key}: ${problem}; it is asked to be put anew`),
  )
  const lines = bad.map(({ sourceId, backupId, found, problem }) =>
    style.bad(`${found}: ${backupId} of ${sourceId}: ${problem}; it is asked to be made whole`),
  )
  const objects = `${wal.objects} objects of WAL read, ${formatBytes(wal.bytes)}`
  return [`${copies} copies read, ${formatBytes(bytes)}`, ...lines, objects, ...segments]
}
