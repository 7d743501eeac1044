import type { WalDamage } from '@lifeboat/catalog/audit/buckets.ts'
import { readWal } from '@lifeboat/catalog/audit/read-wal.ts'
import { tellWalReading } from '@lifeboat/catalog/audit/tell-looks.ts'
import { isItsTurn } from '@lifeboat/catalog/audit/wal-turn.ts'
import { moment, type SourceId } from '@lifeboat/shared/domain/ids.ts'
import type { Key } from '@lifeboat/shared/domain/keys.ts'
import { parseWalKey, walPrefix } from '@lifeboat/shared/domain/wal.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import type { Lane, UploaderDeps } from './deps.ts'
import { demandMarker } from './fleet-marker.ts'
import { wasLetGo } from './wal-let-go.ts'

/** All WAL is listed for it. */
const EVERY_MS = 6 * 3_600_000
/** Where no alerter tells of what was mended, it is forgotten in the end. */
const UNTOLD_MS = 7 * 24 * 3_600_000

type Needs = Pick<
  UploaderDeps,
  'bus' | 'deepReads' | 'deepRead' | 'walStates' | 'walLetGo' | 'walDamage' | 'events' | 'clock' | 'log'
>

/**
 * Every six hours, whoever of all uploaders comes first: looks again at what was found damaged before, also where no samples are read, and reads the objects of WAL
 * whose turn came since, a share of a day each day.
 */
export async function readWalTurns(deps: Needs, lane: Lane, signal: AbortSignal): Promise<void> {
  const span = await claim(deps, lane)
  if (span === undefined) return
  try {
    await readTurns(deps, lane, span, signal)
  } catch (thrown) {
    if (signal.aborted) await giveBack(deps, lane, span)
    throw thrown
  }
}

interface Span {
  share: number
  fromMs: number
  toMs: number
}

async function readTurns(deps: Needs, lane: Lane, span: Span, signal: AbortSignal): Promise<void> {
  const targetId = lane.target.id
  const known = new Set<Key>()
  for await (const { key, value, revision } of deps.walDamage.entries()) {
    if (value.targetId !== targetId) continue
    if (value.mended === undefined) {
      known.add(value.key)
      await lookAgain(deps, lane, value, signal)
    } else if (span.toMs - Date.parse(value.mended.at) > UNTOLD_MS) await deps.walDamage.delete(key, revision)
  }
  if (span.share === 0) return
  for await (const { value } of deps.walStates.entries())
    await guarded(deps, lane, value.sourceId, signal, () =>
      readSource(deps, lane, value.sourceId, { ...span, known }, signal),
    )
}

/** @returns undefined: another took it, or it is not time yet; the first look at a target only begins to count */
async function claim({ deepReads, deepRead, clock }: Needs, { target }: Lane): Promise<Span | undefined> {
  const toMs = clock.now()
  const now = moment(toMs)
  const known = await deepReads.get(target.id)
  if (known === undefined) {
    await deepReads.create(target.id, { targetId: target.id, at: now, creditBytes: 0, walAt: now })
    return undefined
  }
  const fromMs = Date.parse(known.value.walAt ?? now)
  if (known.value.walAt !== undefined && Math.abs(toMs - fromMs) < EVERY_MS) return undefined
  const taken = await deepReads.update(target.id, { ...known.value, walAt: now }, known.revision)
  return taken === undefined || known.value.walAt === undefined ? undefined : { share: deepRead, fromMs, toMs }
}

/** Who stops in the middle leaves all of it to be read: where its turn has passed unread, an object would wait for the next one. */
async function giveBack({ deepReads }: Needs, { target }: Lane, { fromMs, toMs }: Span): Promise<void> {
  const known = await deepReads.get(target.id)
  // In between only the credit for copies changes.
  if (known?.value.walAt !== moment(toMs)) return
  await deepReads.update(target.id, { ...known.value, walAt: moment(fromMs) }, known.revision)
}

/** What is stuck is read seldom: until its time has come it is only asked for, and read when that says something new. */
async function lookAgain(deps: Needs, lane: Lane, damage: WalDamage, signal: AbortSignal): Promise<void> {
  const { sourceId, stuck } = damage
  const isResting = stuck !== undefined && deps.clock.now() < Date.parse(stuck.again)
  const isNews = () => guarded(deps, lane, sourceId, signal, () => hasChanged(deps, lane, damage, signal))
  if (!isResting || (await isNews())) await readOne(deps, lane, damage, signal)
}

async function hasChanged(deps: Needs, lane: Lane, damage: WalDamage, signal: AbortSignal): Promise<boolean> {
  const there = await lane.gate.through(signal, () => lane.target.stat(damage.key, { signal }))
  if ((there === undefined) !== (damage.found === 'missing')) return true
  return there === undefined && wasLetGo(deps, lane.target, damage, signal)
}

async function readSource(
  deps: Needs,
  lane: Lane,
  sourceId: SourceId,
  span: Span & { known: ReadonlySet<Key> },
  signal: AbortSignal,
): Promise<void> {
  const beganMs = deps.clock.now()
  let [objects, bytes] = [0, 0]
  for await (const { key } of lane.target.list(walPrefix(sourceId), { signal })) {
    const object = parseWalKey(key)
    // What is known to be damaged has its own pace.
    if (object === undefined || span.known.has(key) || !isItsTurn(object.digest, span)) continue
    bytes += (await readOne(deps, lane, { sourceId, key }, signal)) ?? 0
    objects += 1
  }
  if (objects === 0) return
  const durationMs = Math.max(0, deps.clock.now() - beganMs)
  deps.events.walRead(deps.log, { targetId: lane.target.id, sourceId, objects, bytes, durationMs })
}

/** What goes while others are read was let go. */
async function readOne(
  deps: Needs,
  lane: Lane,
  { sourceId, key, found }: { sourceId: SourceId; key: Key; found?: 'missing' | 'damaged' },
  signal: AbortSignal,
): Promise<number | undefined> {
  return guarded(deps, lane, sourceId, signal, async () => {
    const reading = await lane.gate.through(signal, () => readWal(lane.target, key, { signal }))
    if (reading.found === 'missing') await demandMarker(lane.target, signal)
    const about = { sourceId, key, targetId: lane.target.id, at: moment(deps.clock.now()) }
    if (reading.found !== 'missing' || found !== undefined)
      await tellWalReading(deps.bus, deps.walDamage, about, reading)
    return reading.bytes
  })
}

/** A target that cannot be read says nothing of what lies there, and holds nothing else up. */
async function guarded<T>(
  { log }: Needs,
  { target }: Lane,
  sourceId: SourceId,
  signal: AbortSignal,
  work: () => Promise<T>,
): Promise<T | undefined> {
  try {
    return await work()
  } catch (thrown) {
    signal.throwIfAborted()
    const err = LifeboatError.from(thrown)
    if (!err.code.startsWith('TARGET_')) throw thrown
    log.warn({ event: 'wal.unreadable', targetId: target.id, sourceId, err }, 'WAL could not be read')
    return undefined
  }
}
