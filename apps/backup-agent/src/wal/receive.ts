import { connectReplication, type ReplicationConnection } from '@lifeboat/postgres/replication/connection.ts'
import { streamWal, type WalEvent } from '@lifeboat/postgres/replication/wal-stream.ts'
import { stretchFrom } from '@lifeboat/shared/domain/timelines.ts'
import { parseLsn, SegmentName, segmentRange, type Timeline } from '@lifeboat/shared/domain/wal.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import { beginAnew, dropSlot, makeSlot } from './anew.ts'
import { beginAt, goOnAlong, type Met, meet, pathBy, recall } from './begin.ts'
import { higher, lower } from './holders.ts'
import { PieceTimer } from './piece-timer.ts'
import { behindArchive, refuseRewritten } from './rewritten.ts'
import type { Road, Standing } from './road.ts'
import { Segments, segmentStart } from './segment.ts'
import { whereToBegin } from './slot-rules.ts'

/** Often enough for a synchronous standby to look alive; what is reported goes out at once anyway. */
const STATUS_EVERY_MS = 5_000

/**
 * One connection to the server: who answers, where do the targets stand, then WAL until something breaks.
 *
 * @throws LifeboatError why the connection ended; the caller tries again
 */
export async function receive(road: Road, signal: AbortSignal): Promise<never> {
  await using connection = await logIn(road)
  using _closing = connection.closeOn(signal)
  const met = await meet(road, connection)
  const { standing, at } = await prepare(road, connection, met)
  for (const [timeline, content] of met.histories) void road.shipper.shipHistory(timeline, content, met)
  try {
    await stream(road, connection, standing, at, signal)
  } catch (thrown) {
    // Known only once it was asked for; the next connection begins behind the hole.
    if (!isGone(thrown)) throw thrown
    await anewOver(road, thrown)
    throw thrown
  }
  throw new LifeboatError('SOURCE_CONNECTION_LOST', { message: 'the stream ended' })
}

function logIn({ door, replication, slot }: Road): Promise<ReplicationConnection> {
  return door.enter('stream', () => connectReplication(replication, { applicationName: slot }))
}

/** A segment is: no later word of the server brings it back. A history that it lacks may come yet. */
function isGone(thrown: unknown): thrown is LifeboatError {
  return (
    removedSegment(thrown) !== undefined ||
    LifeboatError.is(thrown, 'WAL_SLOT_INVALIDATED') ||
    LifeboatError.is(thrown, 'WAL_REWRITTEN')
  )
}

function removedSegment(thrown: unknown): SegmentName | undefined {
  if (!LifeboatError.is(thrown, 'WAL_REMOVED')) return undefined
  return SegmentName.safeParse(thrown.facts.segment).data
}

async function anewOver(road: Road, why: LifeboatError): Promise<void> {
  await using connection = await logIn(road)
  const met = await meet(road, connection)
  const { standing } = road.now
  if (LifeboatError.is(why, 'WAL_REWRITTEN') && standing !== undefined) {
    await beginAnew(road, connection, why.title, newest(met), behindArchive(road, standing))
    return
  }
  const segment = removedSegment(why)
  const removed = segment && `the server no longer has ${segment}: it was removed, or pg_resetwal began WAL anew`
  const behind = segment && segmentRange(segment, met.segmentBytes).end
  await beginAnew(road, connection, road.now.slotReason ?? removed ?? why.title, newest(met), behind)
}

/** The slot is there, and where to begin is decided. */
async function prepare(
  road: Road,
  connection: ReplicationConnection,
  met: Met,
): Promise<{ standing: Standing; at: bigint }> {
  const { now, slot } = road
  if (now.standing !== undefined) {
    for (const [timeline, content] of met.histories) now.standing.histories.set(timeline, content)
    await goOnAlong(road, now.standing, met.path)
  }
  const before = now.standing ?? (await recall(road, met))
  if (before === undefined) {
    const at = segmentStart(await makeSlot(road, connection), met.segmentBytes)
    return { standing: await beginAt(road, met, at), at }
  }
  await refuseRewritten(road, connection, before, met)
  if (now.giveUp !== undefined) {
    await dropSlot(road, connection)
    const at = await beginAnew(road, connection, now.giveUp, newest(met))
    now.giveUp = undefined
    return { standing: before, at }
  }
  const there = await connection.readSlot(slot)
  const facts = there && (there.restartLsn === undefined ? {} : { restartLsn: parseLsn(there.restartLsn) })
  const beginning = whereToBegin({ slot: facts, safe: before.holders.safe, segmentBytes: met.segmentBytes })
  if (beginning.kind === 'go-on') return { standing: before, at: beginning.at }
  await makeSlot(road, connection)
  if (beginning.kind === 'new-slot') {
    now.slotReason = beginning.reason
    road.log.warn({ event: 'wal.slot-missing', slot, reason: beginning.reason }, 'made a new replication slot')
  }
  return { standing: before, at: segmentStart(before.holders.safe, met.segmentBytes) }
}

async function stream(
  road: Road,
  connection: ReplicationConnection,
  standing: Standing,
  at: bigint,
  signal: AbortSignal,
): Promise<void> {
  const { now, slot, shipper } = road
  const { holders } = standing
  const { timeline, begin: begins } = stretchFrom(standing.path, higher(holders.safe, at))
  const opts = { slot, startLsn: at, timeline, statusIntervalMs: STATUS_EVERY_MS }
  const events = streamWal(connection, opts, signal)
  using pieces = new PieceTimer(road, standing, segmentsFrom(road, standing, { timeline, at, begins }), signal)
  events.report({ flush: holders.safe })
  try {
    for await (const event of events) {
      // The first word of the server: what was wrong before is over.
      if (now.stream === undefined) {
        now.stream = events
        now.failure = undefined
        now.slotReason = undefined
      }
      note(road, event)
      if (event.kind === 'wal') {
        for (const cut of pieces.segments.take({ start: event.startLsn, data: event.data }))
          await shipper.ship(cut, standing, signal)
        now.receivedLsn = pieces.segments.received
        pieces.grew()
      } else if (event.kind === 'timeline') await turn(road, standing, pieces, event, signal)
      // A server that stops asks so until everything it sent is flushed, and does not end before.
      else if (event.replyWanted) pieces.hurry()
    }
  } finally {
    now.stream = undefined
  }
}

function note({ now }: Road, event: WalEvent): void {
  if (event.kind === 'timeline') return
  now.serverLsn = higher(now.serverLsn, event.serverEndLsn)
  now.moments.note(event.serverEndLsn, event.sentAt)
}

/** The timeline ended: what is left of it is shipped as it is, and the next one begins with a whole segment of its own. */
async function turn(
  road: Road,
  standing: Standing,
  pieces: PieceTimer,
  { next, switchLsn, startLsn, history }: Extract<WalEvent, { kind: 'timeline' }>,
  signal: AbortSignal,
): Promise<void> {
  const rest = pieces.segments.piece()
  if (rest !== undefined) await road.shipper.ship(rest, standing, signal)
  standing.histories.set(next, history.content)
  if (!standing.path.some(({ timeline }) => timeline === next))
    await goOnAlong(road, standing, pathBy(next, history.content))
  void road.shipper.shipHistory(next, history.content, standing)
  pieces.segments[Symbol.dispose]()
  pieces.segments = segmentsFrom(road, standing, { timeline: next, at: startLsn, begins: switchLsn })
}

/** Pieces go on where every target stands; a timeline's first segment begins with a copy of its ancestor's bytes, which belong to it. */
function segmentsFrom(
  { memory, now }: Road,
  { holders, segmentBytes }: Standing,
  { timeline, at, begins }: { timeline: Timeline; at: bigint; begins: bigint },
): Segments {
  const least = holders.targets.map((target) => holders.position(target)).reduce(lower)
  const from = least > begins ? least : at
  const seam = now.seams.within(timeline, at, segmentBytes)
  return new Segments({ timeline, segmentBytes, at, from, memory, seam, onSeam: (cut) => now.seams.note(cut) })
}

function newest({ path }: Met): Timeline {
  return path.at(-1)?.timeline ?? 1
}
