import type { BackupRecord } from '@lifeboat/shared/domain/backup.ts'
import { BackupId, moment, type SourceId, type TargetId } from '@lifeboat/shared/domain/ids.ts'
import { FLEET_KEY, type Key } from '@lifeboat/shared/domain/keys.ts'
import type { Receipt, Target } from '@lifeboat/storage/target.ts'
import type { Catalog } from '../catalog.ts'
import type { MoveMarks, TargetSurvey } from './buckets.ts'
import { clockAhead } from './clock-ahead.ts'
import { ClassCount } from './count-classes.ts'
import { judgeHeld } from './judge-held.ts'

/** What a look found of one copy that is not as the catalogue says. */
export interface CopyFinding {
  sourceId: SourceId
  backupId: BackupId
  found: 'whole' | 'missing' | 'damaged'
  problem: string
}

export interface Survey {
  survey: TargetSurvey
  /** Copies whose state changes by what was seen; none of them `missing` while the look is in doubt. */
  findings: CopyFinding[]
  /** Copies that have been wrong for long: to be mended, and nothing new to tell. */
  unmended: CopyFinding[]
  /** Objects of attempts that came to nothing, older than the grace. */
  orphans: Receipt[]
}

/** What lies there of one backup. */
export interface Held {
  manifest: boolean
  /** Of the parts; documents and the manifest left out. */
  partBytes: number
  newestMs: number
  objects: Receipt[]
}

/** Uploads of a backup may wait this long for their last part. */
const ORPHAN_GRACE_MS = 48 * 3_600_000
const FEW = 2
const SHARE = 0.1

/**
 * Compares everything a target lists with the catalogue: present, missing, of another size, unknown, left over. One pass over the list in the order of
 * the keys, with one source in memory at a time; nothing is read and nothing is changed.
 *
 * @param opts.marks since when parts are marked to be moved; of others nobody can say that they are late
 * @throws LifeboatError TARGET_…
 */
export async function surveyTarget(
  target: Target,
  catalog: Pick<Catalog, 'all' | 'summaries'>,
  opts: { signal: AbortSignal; nowMs: number; marks?: MoveMarks; progress?: (objects: number) => void },
): Promise<Survey> {
  const { nowMs, marks = {} } = opts
  const clockAheadMs = await clockAhead(target, opts)
  const look = new Look(target.id, catalog, nowMs)
  const classes = new ClassCount(target, marks, nowMs)
  for await (const receipt of target.list('', { signal: opts.signal })) {
    await look.at(receipt)
    classes.at(receipt)
    opts.progress?.(look.objects)
  }
  const found = await look.end()
  const classSurvey = classes.end()
  const clock = clockAheadMs === undefined ? {} : { clockAheadMs }
  return { ...found, survey: { ...found.survey, ...clock, ...(classSurvey && { classes: classSurvey }) } }
}

const UNLISTED_SHOWN = 10

class Look {
  readonly #targetId: TargetId
  readonly #catalog: Pick<Catalog, 'all' | 'summaries'>
  readonly #nowMs: number
  readonly #seen = new Set<string>()
  readonly #unknown: Record<string, number> = {}
  readonly #unlisted: { sourceId: SourceId; backupId: BackupId }[] = []
  readonly #findings: CopyFinding[] = []
  readonly #unmended: CopyFinding[] = []
  readonly #orphans: Receipt[] = []
  #source: string | undefined
  #held = new Map<string, Held>()
  /** By backup: what is left of letting it go. */
  #tombs = new Map<string, Receipt[]>()
  #fleet = false
  objects = 0
  #bytes = 0
  #backups = 0
  #expected = 0

  constructor(targetId: TargetId, catalog: Pick<Catalog, 'all' | 'summaries'>, nowMs: number) {
    this.#targetId = targetId
    this.#catalog = catalog
    this.#nowMs = nowMs
  }

  async at(receipt: Receipt): Promise<void> {
    this.objects += 1
    this.#bytes += receipt.bytes
    const [source = '', folder, backup, name] = receipt.key.split('/')
    if (receipt.key === FLEET_KEY) this.#fleet = true
    if (folder === undefined) return
    if (source !== this.#source) await this.#close()
    this.#source = source
    if (folder === 'backups' && backup !== undefined && name !== undefined) this.#note(backup, name, receipt)
    else if (folder === 'expired' && backup !== undefined)
      this.#tombs.set(backup, [...(this.#tombs.get(backup) ?? []), receipt])
  }

  #note(backup: string, name: string, receipt: Receipt): void {
    const held = this.#held.get(backup) ?? { manifest: false, partBytes: 0, newestMs: 0, objects: [] }
    this.#held.set(backup, held)
    held.objects.push(receipt)
    held.newestMs = Math.max(held.newestMs, Date.parse(receipt.storedAt ?? '') || this.#nowMs)
    if (name === 'manifest.json') held.manifest = true
    else if (/\.\d{5}$/.test(name)) held.partBytes += receipt.bytes
  }

  async #close(): Promise<void> {
    if (this.#source === undefined) return
    const sourceId = this.#source as SourceId
    this.#seen.add(sourceId)
    const held = this.#held
    const tombs = this.#tombs
    this.#held = new Map()
    this.#tombs = new Map()
    for (const [backup, objects] of tombs) if (!held.has(backup)) this.#leftOver(objects)
    this.#source = undefined
    for await (const record of this.#catalog.all({ sourceId })) {
      this.#judge(record, held.get(record.backupId))
      held.delete(record.backupId)
    }
    for (const [backup, one] of held) this.#stranger(sourceId, backup, one)
  }

  #judge(record: BackupRecord, held: Held | undefined): void {
    if (held?.manifest) this.#backups += 1
    const judged = judgeHeld(record, this.#targetId, held, this.#nowMs)
    if (judged.expected) this.#expected += 1
    if (judged.unlisted) this.#unlist(record.sourceId, record.backupId)
    if (judged.finding) this.#findings.push(judged.finding)
    if (judged.unmended) this.#unmended.push(judged.unmended)
    if (judged.leftover && held) this.#orphan(held)
  }

  #stranger(sourceId: SourceId, backup: string, held: Held): void {
    if (held.manifest) {
      this.#backups += 1
      this.#unlist(sourceId, backup)
    } else this.#orphan(held)
  }

  #unlist(sourceId: SourceId, backup: string): void {
    this.#unknown[sourceId] = (this.#unknown[sourceId] ?? 0) + 1
    const named = BackupId.safeParse(backup)
    if (named.success && this.#unlisted.length < UNLISTED_SHOWN) this.#unlisted.push({ sourceId, backupId: named.data })
  }

  #orphan(held: Held): void {
    this.#leftOver(held.objects)
  }

  #leftOver(objects: readonly Receipt[]): void {
    const newestMs = Math.max(...objects.map(({ storedAt }) => Date.parse(storedAt ?? '') || this.#nowMs))
    if (this.#nowMs - newestMs > ORPHAN_GRACE_MS) this.#orphans.push(...objects)
  }

  async end(): Promise<Survey> {
    await this.#close()
    for (const { sourceId } of await this.#catalog.summaries())
      if (!this.#seen.has(sourceId))
        for await (const record of this.#catalog.all({ sourceId })) this.#judge(record, undefined)
    const missing = this.#findings.filter(({ found }) => found === 'missing').length
    const doubt = this.#doubt(missing)
    const findings = doubt === undefined ? this.#findings : this.#findings.filter(({ found }) => found !== 'missing')
    const bytes = this.#orphans.reduce((sum, each) => sum + each.bytes, 0)
    const survey: TargetSurvey = {
      targetId: this.#targetId,
      at: moment(this.#nowMs),
      ...{ objects: this.objects, bytes: this.#bytes, backups: this.#backups, missing },
      damaged: this.#findings.filter(({ found }) => found === 'damaged').length,
      unknown: Object.fromEntries(Object.entries(this.#unknown).slice(0, 100)),
      orphans: { objects: this.#orphans.length, bytes },
      ...(this.#unlisted.length > 0 && { unlisted: this.#unlisted }),
      ...(doubt !== undefined && { doubt }),
    }
    const calm = doubt === undefined
    return { survey, findings, unmended: calm ? this.#unmended : [], orphans: calm ? this.#orphans : [] }
  }

  /** An outage, a wrong prefix or an unmounted disk must not be taken for the loss of everything. */
  #doubt(missing: number): string | undefined {
    if (this.#expected > 0 && !this.#fleet) return `the marker ${FLEET_KEY satisfies Key} is not there`
    if (missing <= Math.max(FEW, this.#expected * SHARE)) return undefined
    return `${missing} of ${this.#expected} backups are not there`
  }
}
