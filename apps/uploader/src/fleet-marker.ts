import { hash } from 'node:crypto'
import { Readable } from 'node:stream'
import type { MarkedTarget } from '@lifeboat/catalog/audit/buckets.ts'
import type { Bucket } from '@lifeboat/shared/bus/bus.ts'
import { type FleetId, type Md5, moment, type Sha256 } from '@lifeboat/shared/domain/ids.ts'
import { FLEET_KEY } from '@lifeboat/shared/domain/keys.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import { compareContent } from '@lifeboat/storage/same-content.ts'
import type { Target } from '@lifeboat/storage/target.ts'

/** A store bills each question; a bucket that was emptied is found out within that time. */
const ASK_AGAIN_MS = 60_000

/** Whose targets these are, and which of them were ever seen with the marker that says so. */
export interface OwnTargets {
  fleet: FleetId
  markedTargets: Pick<Bucket<MarkedTarget>, 'get' | 'create'>
}

/**
 * Says at the target whose backups lie there; every uploader writes the same bytes, so the first makes it and the rest find it. What was seen with it once gets no
 * second one: it is not the place that it was. Asked before anything is put; where a disk may be unmounted each time, elsewhere once a minute.
 *
 * @throws LifeboatError TARGET_UNMARKED · TARGET_KEY_TAKEN – another fleet lives below this prefix; nothing of ours may be written there
 */
export async function demandFleet(own: OwnTargets, target: Target, signal: AbortSignal): Promise<void> {
  const known = answers.get(target)
  const freshMs = target.abilities.mounted ? 0 : ASK_AGAIN_MS
  const isOurs = known?.fleet === own.fleet
  if (isOurs && performance.now() - known.askedMs < freshMs) return known.done
  const done = ensureMarked(own, target, { isNoted: isOurs, signal })
  answers.set(target, { fleet: own.fleet, askedMs: performance.now(), done })
  await done.catch((thrown: unknown) => {
    answers.delete(target)
    throw thrown
  })
}

const answers = new WeakMap<Target, { fleet: FleetId; askedMs: number; done: Promise<void> }>()

async function ensureMarked(
  own: OwnTargets,
  target: Target,
  { isNoted, signal }: { isNoted: boolean; signal: AbortSignal },
): Promise<void> {
  const there = await target.stat(FLEET_KEY, { signal })
  if (there === undefined) await demandUnused(own, target)
  // A put of what lies there already would be no more than another look at a folder.
  else if (isNoted && target.abilities.mounted && compareContent(there, markerOf(own.fleet)) === 'same') return
  await mark(target, own.fleet, signal)
  if (!isNoted) await noteMarked(own, target)
}

/**
 * Asks for the right to put where the marker lies; makes none, for that it is gone is a reason not to believe what the target lists.
 *
 * @throws LifeboatError TARGET_UNMARKED · what any put of this uploader would be answered now
 */
export async function tryMarker(own: OwnTargets, target: Target, signal: AbortSignal): Promise<void> {
  if ((await target.stat(FLEET_KEY, { signal })) === undefined) return demandUnused(own, target)
  await mark(target, own.fleet, signal)
  await noteMarked(own, target)
}

/** What is not there says something only where the marker is. */
export async function demandMarker(target: Target, signal: AbortSignal): Promise<void> {
  if ((await target.stat(FLEET_KEY, { signal })) === undefined) throw unmarked(target)
}

async function demandUnused({ markedTargets }: OwnTargets, target: Target): Promise<void> {
  if ((await markedTargets.get(target.id)) !== undefined) throw unmarked(target)
}

function unmarked({ id }: Target): LifeboatError {
  return new LifeboatError('TARGET_UNMARKED', { targetId: id, key: FLEET_KEY })
}

async function noteMarked({ markedTargets }: OwnTargets, { id }: Target): Promise<void> {
  await markedTargets.create(id, { targetId: id, since: moment(Date.now()) })
}

/** Where it lies already the store answers that it does, after it asked for the right to put. */
async function mark(target: Target, fleet: FleetId, signal: AbortSignal): Promise<void> {
  const { content, ...facts } = markerOf(fleet)
  await target.put(FLEET_KEY, () => Readable.from([content], { objectMode: false }), {
    ...facts,
    role: 'marker',
    signal,
  })
}

function markerOf(fleet: FleetId) {
  const content = Buffer.from(`${JSON.stringify({ format: 1, fleet })}\n`)
  const [sha256, md5] = [hash('sha256', content) as Sha256, hash('md5', content) as Md5]
  return { content, bytes: content.byteLength, sha256, md5 }
}
