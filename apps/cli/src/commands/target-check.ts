import { suggestName } from '@lifeboat/config/did-you-mean.ts'
import type { TargetId } from '@lifeboat/shared/domain/ids.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import { type CaseFinding, checkTarget, type TargetFinding } from '@lifeboat/storage/conformance/check-target.ts'
import { impatient } from '@lifeboat/storage/layers/impatient.ts'
import { retrying } from '@lifeboat/storage/layers/retrying.ts'
import { openTarget } from '@lifeboat/storage/open-target.ts'
import type { Command } from '../context.ts'
import type { Style } from '../format/style.ts'
import { indent } from '../format/table.ts'
import { readSettings } from '../open-fleet.ts'
import { LiveLine } from '../progress/live-line.ts'

const SILENCE_MS = 20_000

/** Puts an operator's own bucket through the cases every kind of target is tested with. Writes and removes small objects there. */
export const targetCheck: Command<{ name: string }> = async ({ name }, context) => {
  const { config, secret, log } = await readSettings(context, ['targets'])
  const targetConfig = config.targets[name as TargetId]
  if (!targetConfig)
    throw new LifeboatError('TARGET_UNKNOWN', { name, suggestion: suggestName(name, Object.keys(config.targets)) })
  const ctx = { resolveSecret: async (ref: Parameters<typeof secret>[0]) => secret(ref), log }
  await using bare = await openTarget(name as TargetId, targetConfig, ctx)
  const target = retrying(impatient(bare, { silenceMs: SILENCE_MS }))
  using live = new LiveLine(context.terminal, { silent: context.options.json ?? false })
  const finding = await checkTarget(target, {
    signal: context.terminal.signal,
    onCase: (_, done, total) => live.progress({ phase: 'check', done, total, unit: 'checks' }, context.clock.now()),
  })
  return {
    value: { target: name, kind: target.kind, ...finding },
    text: (style) => findingText(name, finding, style),
    exit: finding.fit ? 'ok' : 'failed',
  }
}

function findingText(name: string, finding: TargetFinding, style: Style): string {
  return [
    ...finding.cases.map((each) => caseText(each, style)),
    ...leftBehindText(finding),
    summary(name, finding, style),
  ].join('\n')
}

function caseText({ name, clause, outcome, detail, hint }: CaseFinding, style: Style): string {
  const mark = { held: style.good('✓'), broken: style.bad('✗'), 'not-asked': style.dim('–') }[outcome]
  const head = `${mark} ${clause.padEnd(6)} ${name}`
  if (outcome === 'held') return head
  if (outcome === 'not-asked') return `${head} ${style.dim(`(not asked: ${detail})`)}`
  return [head, indent(`${detail}\n${style.bold('next')}: ${hint}`, '         ')].join('\n')
}

function leftBehindText({ leftBehind }: TargetFinding): string[] {
  if (leftBehind === 0) return []
  const objects = leftBehind === 1 ? '1 object of a check stays' : `${leftBehind} objects of checks stay`
  return [`${objects} below lifeboat-check/: these credentials may not remove them, or they are locked`]
}

function summary(name: string, { fit, cases }: TargetFinding, style: Style): string {
  const asked = cases.filter(({ outcome }) => outcome !== 'not-asked').length
  const broken = cases.filter(({ outcome }) => outcome === 'broken').length
  if (fit) return style.good(`${name} is fit to keep backups: ${asked} of ${asked} cases hold`)
  return style.bad(`${name} is not fit to keep backups: ${broken} of ${asked} cases do not hold`)
}
