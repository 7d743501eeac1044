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
import type { Target } from '@lifeboat/storage/target.ts'
import type { Command, Context } from '../context.ts'
import type { ExitName } from '../exit-codes.ts'
import { type Settings, withFleet } from '../open-fleet.ts'
import { LiveLine } from '../progress/live-line.ts'
import { auditSource, type SourceAudit, targetError } from '../wal/audit-source.ts'
import { auditText } from '../wal/audit-text.ts'
import { unequalWal } from '../wal/choose-reads.ts'
import { listWal, type WalListing } from '../wal/list-wal.ts'
import { type ReadingPlace, readWalBack } from '../wal/read-wal-back.ts'

export interface WalAuditArgs {
  source?: string
  target?: string
  read?: boolean
}

const SILENCE_MS = 20_000
/** Worst first. */
const EXITS: readonly (readonly [verdict: string, exit: ExitName])[] = [
  ['lost', 'lost'],
  ['missing', 'missing'],
  ['unreachable', 'unreachable'],
  ['behind', 'attention'],
]

/** Lists the WAL of sources at their targets and says what is there, on its way, missing or lost, and what was found damaged by reading it; reads names itself, and contents where lengths differ or with `read`. */
export const walAudit: Command<WalAuditArgs> = (args, context) =>
  withFleet(context, ['sources', 'targets', 'wal'], async ({ bus, ...settings }) => {
    const { wal } = settings.config
    const states = await bus.bucket(WAL_BUCKET)
    const records = await bus.bucket(WAL_RECORD_BUCKET)
    const walLetGo = await bus.bucket(WAL_LET_GO_BUCKET)
    const catalog = await KvCatalog.open(bus)
    const damages = await bus.bucket(WAL_DAMAGE_BUCKET)
    using line = new LiveLine(context.terminal, { silent: context.options.json ?? false })
    const audits: SourceAudit[] = []
    for (const sourceId of sourcesWithWal(settings.config, args.source)) {
      const section = wal[sourceId]
      if (section === undefined) continue
      const asked = args.target === undefined ? section.targets : [targetOf(section.targets, args.target)]
      // Read before the targets are listed: what they confirm meanwhile must not look as if it were missing.
      const [state, record] = [(await states.get(sourceId))?.value, (await records.get(sourceId))?.value]
      const listings: Listing[] = []
      for (const targetId of section.targets) listings.push(await list(settings, sourceId, targetId, { context, line }))
      const at = { bus, damages, context, line }
      await readSome(settings, sourceId, { listings, asked, all: args.read ?? false }, at)
      const damage = await Array.fromAsync(damages.entries(), ({ value }) => value)
      // Read behind the listings: what went meanwhile was let go.
      const told = (await states.get(sourceId))?.value ?? { sourceId, targets: {} }
      const letGo = new Map<TargetId, readonly LetGoWord[]>()
      for (const targetId of section.targets) letGo.set(targetId, await letGoBefore(walLetGo, told, targetId))
      const found = damage.filter((one) => one.sourceId === sourceId)
      const known = { sourceId, wal: section, state, record, damages: found, letGo, catalog }
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

type Listing = WalListing | { targetId: TargetId; error: LifeboatError }

interface Look {
  context: Context
  line: LiveLine
}

async function list(
  settings: WalSettings,
  sourceId: SourceId,
  targetId: TargetId,
  { context, line }: Look,
): Promise<Listing> {
  const progress = (done: number) =>
    line.progress({ phase: `list ${sourceId} at ${targetId}`, done, unit: 'objects' }, context.clock.now())
  const { signal } = context.terminal
  return atTarget(settings, targetId, (target) => listWal(target, sourceId, { signal, progress }))
}

/** What is read is told to everybody, as when an uploader reads it. A target that cannot be read counts as one that could not be listed. */
async function readSome(
  settings: WalSettings,
  sourceId: SourceId,
  { listings, asked, all }: { listings: Listing[]; asked: readonly TargetId[]; all: boolean },
  { bus, damages, context, line }: Look & Pick<ReadingPlace, 'bus' | 'damages'>,
): Promise<void> {
  const unequal = unequalWal(listings.filter((listing) => 'sizes' in listing))
  for (const [no, listing] of listings.entries()) {
    if (!('sizes' in listing) || !asked.includes(listing.targetId)) continue
    const { targetId, sizes } = listing
    let done = 0
    const progress = (bytes: number) => {
      done += bytes
      line.progress({ phase: `read ${sourceId} at ${targetId}`, done, unit: 'bytes' }, context.clock.now())
    }
    const place = { bus, damages, clock: context.clock, signal: context.terminal.signal, progress }
    const keys = all ? sizes.keys() : (unequal.get(targetId) ?? [])
    const read = await atTarget(settings, targetId, (target) => readWalBack(target, sourceId, keys, place))
    if ('error' in read) listings[no] = read
  }
}

/** The errors of a target are an answer. */
async function atTarget<T>(
  { config, secret, log }: WalSettings,
  targetId: TargetId,
  work: (target: Target) => Promise<T>,
): Promise<T | { targetId: TargetId; error: LifeboatError }> {
  const targetConfig = config.targets[targetId]
  if (targetConfig === undefined) throw new LifeboatError('TARGET_UNKNOWN', { target: targetId })
  try {
    const ctx = { resolveSecret: async (ref: Parameters<typeof secret>[0]) => secret(ref), log }
    await using bare = await openTarget(targetId, targetConfig, ctx)
    return await work(retrying(impatient(bare, { silenceMs: SILENCE_MS })))
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
