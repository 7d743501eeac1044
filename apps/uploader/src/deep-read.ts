import { chooseReads, type ReadableCopy, readableCopy } from '@lifeboat/catalog/audit/choose-reads.ts'
import { readCopy } from '@lifeboat/catalog/audit/read-copy.ts'
import { tellReading } from '@lifeboat/catalog/audit/tell-looks.ts'
import { moment } from '@lifeboat/shared/domain/ids.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import type { Lane, UploaderDeps } from './deps.ts'
import { demandMarker } from './fleet-marker.ts'

const HOUR_MS = 3_600_000

type Needs = Pick<UploaderDeps, 'bus' | 'catalog' | 'deepReads' | 'deepRead' | 'events' | 'clock' | 'log'>

/**
 * Once an hour, whoever of all uploaders comes first: reads what a share of a day allows of the copies that were checked longest ago, one after the other.
 * What was paid for and not read, because the process died, is the first to be read next time.
 */
export async function deepReads(deps: Needs, lane: Lane, signal: AbortSignal): Promise<void> {
  if (deps.deepRead === 0) return
  for (const copy of await claim(deps, lane)) {
    try {
      await lane.gate.through(signal, () => read(deps, lane, copy, signal))
    } catch (thrown) {
      signal.throwIfAborted()
      const err = LifeboatError.from(thrown)
      if (!err.code.startsWith('TARGET_')) throw thrown
      const { sourceId, backupId } = copy
      lane.unreadable.set(keyOf(copy), deps.clock.now())
      deps.log.warn(
        { event: 'copy.unreadable', targetId: lane.target.id, sourceId, backupId, err },
        'a copy could not be read',
      )
    }
  }
}

function keyOf({ sourceId, backupId }: Pick<ReadableCopy, 'sourceId' | 'backupId'>): string {
  return `${sourceId}/${backupId}`
}

/** The first look at a target only begins to count. */
async function claim(
  { catalog, deepReads, deepRead, clock }: Needs,
  { target, unreadable }: Lane,
): Promise<ReadableCopy[]> {
  const nowMs = clock.now()
  const targetId = target.id
  const known = await deepReads.get(targetId)
  if (known === undefined) {
    await deepReads.create(targetId, { targetId, at: moment(nowMs), creditBytes: 0 })
    return []
  }
  const sinceMs = nowMs - Date.parse(known.value.at)
  if (Math.abs(sinceMs) < HOUR_MS) return []
  const copies: ReadableCopy[] = []
  for await (const record of catalog.all()) {
    const copy = readableCopy(record, targetId)
    // What could not be read says nothing; behind it others wait.
    if (copy) copies.push({ ...copy, checkedMs: Math.max(copy.checkedMs, unreadable.get(keyOf(copy)) ?? 0) })
  }
  const { creditBytes } = known.value
  const choice = chooseReads(copies, { share: deepRead, sinceMs, creditBytes, nowMs })
  const paid = { ...known.value, at: moment(nowMs), creditBytes: choice.creditBytes }
  return (await deepReads.update(targetId, paid, known.revision)) === undefined ? [] : choice.read
}

async function read(
  { bus, catalog, events, clock, log }: Needs,
  { target }: Lane,
  { sourceId, backupId }: ReadableCopy,
  signal: AbortSignal,
): Promise<void> {
  const record = await catalog.get(backupId, sourceId)
  // Let go, or found missing, while others were read.
  if (record === undefined || readableCopy(record, target.id) === undefined) return
  const beganMs = clock.now()
  const reading = await readCopy(target, record, { signal })
  if (reading.found === 'missing') await demandMarker(target, signal)
  const about = { sourceId, backupId, targetId: target.id }
  await tellReading(bus, { ...about, at: moment(clock.now()) }, reading)
  const { found, bytes } = reading
  events.copyRead(log, { ...about, found, bytes, durationMs: Math.max(0, clock.now() - beganMs) })
}
