import { WAL_DAMAGE_BUCKET } from '@lifeboat/catalog/audit/buckets.ts'
import { letGoBefore, WAL_LET_GO_BUCKET } from '@lifeboat/catalog/audit/wal-let-go.ts'
import { KvCatalog } from '@lifeboat/catalog/kv-catalog.ts'
import { WAL_BUCKET } from '@lifeboat/catalog/wal-bucket.ts'
import { WAL_RECORD_BUCKET } from '@lifeboat/catalog/wal-record.ts'
import { suggestName } from '@lifeboat/config/did-you-mean.ts'
import type { ConfigOf } from '@lifeboat/config/sections.ts'
import type { SourceId, TargetId } from '@lifeboat/shared/domain/ids.ts'
import type { LetGoWord } from '@lifeboat/shared/domain/wal.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import { impatient } from '@lifeboat/storage/layers/impatient.ts'
import { retrying } from '@lifeboat/storage/layers/retrying.ts'
import { openTarget } from '@lifeboat/storage/open-target.ts'
import type { Command, Context } from '../context.ts'
import type { ExitName } from '../exit-codes.ts'
import { type Settings, withFleet } from '../open-fleet.ts'
import { LiveLine } from '../progress/live-line.ts'
import { auditSource, type SourceAudit, targetError } from '../wal/audit-source.ts'
import { auditText } from '../wal/audit-text.ts'
import { listWal } from '../wal/list-wal.ts'

export interface WalAuditArgs {
  source?: string
  target?: string
}

const SILENCE_MS = 20_000
/** Worst first. */
const EXITS: readonly (readonly [verdict: string, exit: ExitName])[] = [
  ['lost', 'lost'],
  ['missing', 'missing'],
  ['unreachable', 'unreachable'],
  ['behind', 'attention'],
]

/** Lists the WAL of sources at their targets and says what is there, on its way, missing or lost, and what was found damaged by reading it; reads names itself, not contents. */
export const walAudit: Command<WalAuditArgs> = (args, context) =>
  withFleet(context, ['sources', 'targets', 'wal'], async ({ bus, ...settings }) => {
    const { wal } = settings.config
    const states = await bus.bucket(WAL_BUCKET)
    const records = await bus.bucket(WAL_RECORD_BUCKET)
    const walLetGo = await bus.bucket(WAL_LET_GO_BUCKET)
    const catalog = await KvCatalog.open(bus)
    const damage = await Array.fromAsync((await bus.bucket(WAL_DAMAGE_BUCKET)).entries(), ({ value }) => value)
    using line = new LiveLine(context.terminal, { silent: context.options.json ?? false })
    const audits: SourceAudit[] = []
    for (const sourceId of sourcesWithWal(settings.config, args.source)) {
      const section = wal[sourceId]
      if (section === undefined) continue
      const asked = args.target === undefined ? section.targets : [targetOf(section.targets, args.target)]
      // Read before the targets are listed: what they confirm meanwhile must not look as if it were missing.
      const [state, record] = [(await states.get(sourceId))?.value, (await records.get(sourceId))?.value]
      const listings = []
      for (const targetId of section.targets) listings.push(await list(settings, sourceId, targetId, { context, line }))
      const damages = damage.filter((one) => one.sourceId === sourceId)
      // Read behind the listings: what went meanwhile was let go.
      const told = (await states.get(sourceId))?.value ?? { sourceId, targets: {} }
      const letGo = new Map<TargetId, readonly LetGoWord[]>()
      for (const targetId of section.targets) letGo.set(targetId, await letGoBefore(walLetGo, told, targetId))
      const known = { sourceId, wal: section, state, record, damages, letGo, catalog }
      const facts = { ...known, listings, asked, nowMs: context.clock.now() }
      audits.push(await auditSource(facts))
    }
    return { value: { sources: audits.map(shown) }, text: (style) => auditText(audits, style), exit: exitOf(audits) }
  })

/** @throws LifeboatError SOURCE_UNKNOWN · WAL_NOT_KEPT – of that source, or of any */
export function sourcesWithWal(
  { wal, sources }: Pick<ConfigOf<'wal' | 'sources'>, 'wal' | 'sources'>,
  given?: string,
): SourceId[] {
  const kept = Object.keys(wal) as SourceId[]
  if (given === undefined && kept.length > 0) return kept
  if (given !== undefined && kept.includes(given as SourceId)) return [given as SourceId]
  if (given === undefined || given in sources) throw new LifeboatError('WAL_NOT_KEPT', { sourceId: given, kept })
  throw new LifeboatError('SOURCE_UNKNOWN', { name: given, suggestion: suggestName(given, Object.keys(sources)) })
}

function targetOf(targets: readonly TargetId[], given: string): TargetId {
  const found = targets.find((target) => target === given)
  if (found === undefined)
    throw new LifeboatError('TARGET_UNKNOWN', { target: given, suggestion: suggestName(given, [...targets]) })
  return found
}

type WalSettings = Omit<Settings<'sources' | 'targets' | 'wal' | 'bus'>, 'bus'>

async function list(
  { config, secret, log }: WalSettings,
  sourceId: SourceId,
  targetId: TargetId,
  { context, line }: { context: Context; line: LiveLine },
) {
  const targetConfig = config.targets[targetId]
  if (targetConfig === undefined) throw new LifeboatError('TARGET_UNKNOWN', { target: targetId })
  const progress = (done: number) =>
    line.progress({ phase: `list ${sourceId} at ${targetId}`, done, unit: 'objects' }, context.clock.now())
  try {
    const ctx = { resolveSecret: async (ref: Parameters<typeof secret>[0]) => secret(ref), log }
    await using bare = await openTarget(targetId, targetConfig, ctx)
    const { signal } = context.terminal
    return await listWal(retrying(impatient(bare, { silenceMs: SILENCE_MS })), sourceId, { signal, progress })
  } catch (thrown) {
    return { targetId, error: targetError(thrown) }
  }
}

function exitOf(audits: readonly SourceAudit[]): ExitName {
  const verdicts = new Set<string>(audits.flatMap(({ targets }) => targets.map(({ verdict }) => verdict)))
  return EXITS.find(([verdict]) => verdicts.has(verdict))?.[1] ?? 'ok'
}

function shown({ targets, ...audit }: SourceAudit) {
  return {
    ...audit,
    targets: targets.map((target) => ('error' in target ? { ...target, error: target.error.toReport() } : target)),
  }
}
