import type { ReplicationConnection } from '@lifeboat/postgres/replication/connection.ts'
import { parseSetting } from '@lifeboat/postgres/replication/settings.ts'
import { moment, type TargetId } from '@lifeboat/shared/domain/ids.ts'
import {
  isOnPath,
  type Path,
  parseHistory,
  partingOf,
  pathTo,
  pathTold,
  withHistory,
} from '@lifeboat/shared/domain/timelines.ts'
import { formatLsn, parseLsn, type Timeline, type WalState } from '@lifeboat/shared/domain/wal.ts'
import type { Span } from '@lifeboat/shared/domain/wal-spans.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import { followStored, makeRoom } from './follow.ts'
import { heldAllAlong } from './held-all-along.ts'
import { Holders, higher } from './holders.ts'
import type { Road, Standing } from './road.ts'
import { segmentStart } from './segment.ts'

/** Which cluster answers, and the way it came. */
export interface Met extends Omit<Standing, 'holders'> {
  /** How far a primary has written; undefined: it is a standby, which may be behind what another server sent. */
  flushed: bigint | undefined
}

/**
 * Asks who answers.
 *
 * @throws LifeboatError WAL_FOREIGN – another cluster than the one whose WAL is kept under this name
 */
export async function meet(road: Road, connection: ReplicationConnection): Promise<Met> {
  const { systemIdentifier, timeline, xlogpos } = await connection.identifySystem()
  const expected = road.now.standing?.systemIdentifier ?? road.now.known?.systemIdentifier
  if (expected !== undefined && expected !== systemIdentifier)
    throw new LifeboatError('WAL_FOREIGN', { sourceId: road.sourceId, expected, systemIdentifier })
  const segmentBytes = parseSetting(await connection.show('wal_segment_size'))
  const histories = await readHistories(connection, timeline)
  const path = pathBy(timeline, histories.get(timeline))
  road.now.serverLsn = higher(road.now.serverLsn, parseLsn(xlogpos))
  const flushed = (await connection.show('in_hot_standby')) === 'off' ? parseLsn(xlogpos) : undefined
  return { systemIdentifier, segmentBytes, path, histories, flushed }
}

/** By the history file as the server handed it out; the first timeline has none. */
export function pathBy(timeline: Timeline, content?: Buffer): Path {
  return pathTo(timeline, content && parseHistory(timeline, content.toString('latin1')))
}

/** All of them, for recovery finds the newest timeline by asking for one after the other. */
async function readHistories(connection: ReplicationConnection, newest: Timeline): Promise<Met['histories']> {
  if (newest === 1) return new Map()
  const { content } = await connection.timelineHistory(newest)
  const histories = new Map([[newest, content]])
  for (const timeline of withHistory(pathBy(newest, content)).filter((each) => each !== newest)) {
    // A server made from a newer base may not have those of its ancestors.
    const older = await connection.timelineHistory(timeline).catch((err: unknown) => {
      if (LifeboatError.is(err, 'WAL_REMOVED') || LifeboatError.is(err, 'SOURCE_FILES_UNREADABLE')) return undefined
      throw err
    })
    if (older !== undefined) histories.set(timeline, older.content)
  }
  return histories
}

/**
 * Where the targets stand, from what an earlier process wrote down and what was stored since; undefined for a source nobody kept before.
 * What the spool still holds is announced again.
 */
export async function recall(road: Road, met: Met): Promise<Standing | undefined> {
  const { known, lost } = road.now
  if (known === undefined) return undefined
  const path = knownPath(known, met.path)
  const standing = { ...met, path, holders: holdersAs(known, road, path) }
  if (lost !== undefined) standing.holders.pass({ start: parseLsn(lost.from), end: parseLsn(lost.to) })
  await recallLetGo(road, standing, known)
  road.now.standing = standing
  noteKnownMoments(road, known)
  await goOnAlong(road, standing, met.path, oldestMoment(known))
  for (const name of road.spool.names()) await road.shipper.announceAgain(name, met)
  return standing
}

/** What a target let go of may have been told long before the oldest word that is heard again. */
async function recallLetGo(road: Road, standing: Standing, { targets }: WalState): Promise<void> {
  for (const target of standing.holders.targets) {
    const { begins } = targets[target] ?? {}
    if (begins !== undefined) standing.holders.letGo(target, begins.timeline, parseLsn(begins.lsn))
  }
  await makeRoom(road, standing)
}

/** What was written down by an agent that knew of no ancestors is taken to have come the way of the cluster, if that leads there. */
function knownPath(known: WalState, path: Path): Path {
  const told = pathTold(known)
  if (told !== undefined) return told
  const { timeline } = known
  const no = path.findIndex((leg) => leg.timeline === timeline)
  return pathTo(
    timeline,
    path.slice(0, Math.max(0, no)).map(({ end = 0n, ...leg }) => ({ ...leg, end })),
  )
}

/**
 * The cluster may have gone over to another timeline since, or have been brought back to a moment or put back: what is known beyond the place where
 * the ways part is of a branch that was left.
 *
 * @param sinceMs what was stored from then on is not known yet; undefined: nothing
 */
export async function goOnAlong(road: Road, standing: Standing, path: Path, sinceMs?: number): Promise<void> {
  const { now, log } = road
  const { holders, path: before } = standing
  const left = partingOf(before, path)
  const heldAtMs = now.moments.heldBy(holders.safe)
  standing.path = path
  const followed = holders.turn(path)
  if (!followed) await heldAllAlong(road, standing)
  else if (sinceMs !== undefined) await followStored(road, sinceMs)
  if (left === undefined) return
  now.moments.cutBack(holders.safe, heldAtMs)
  now.beats.cutBack(left)
  now.serverLsn = holders.safe
  now.receivedLsn = holders.safe
  if (now.lost !== undefined && !isOnPath(path, now.lost.timeline, parseLsn(now.lost.from))) now.lost = undefined
  const [from, to] = [before, path].map((way) => way.at(-1)?.timeline)
  log.info(
    { event: 'wal.timeline', from, timeline: to, left: formatLsn(left) },
    'the cluster went over to another timeline',
  )
}

/** A source nobody kept before begins at `at`, for every target. */
export async function beginAt(road: Road, met: Met, at: bigint): Promise<Standing> {
  const timeline = (met.path.at(-1) as Path[number]).timeline
  const holders = new Holders({
    targets: new Map(road.wal.targets.map((target) => [target, at])),
    required: road.wal.copies.required,
    path: met.path,
    gates: timeline > 1 ? [{ at, timeline }] : [],
  })
  const standing = { ...met, holders }
  road.now.standing = standing
  road.now.begun = { lsn: formatLsn(at), at: moment(road.clock.now()) }
  await followStored(road, road.clock.now())
  return standing
}

/** A target we never saw begins with the segment that is being written. */
function positionsOf(road: Pick<Road, 'wal'>, known: WalState): Map<TargetId, bigint> {
  const safe = segmentStart(parseLsn(known.safe.lsn), known.segmentBytes)
  return new Map(
    road.wal.targets.map((target) => {
      const there = known.targets[target]
      return [target, there === undefined ? safe : parseLsn(there.lsn)]
    }),
  )
}

/** As an earlier process wrote down. What a target passed it cannot give, and others would wait for it without end. */
export function holdersAs(known: WalState, road: Pick<Road, 'wal'>, path: Path): Holders {
  const { required } = road.wal.copies
  return new Holders({ targets: positionsOf(road, known), passed: passedIn(known), required, path })
}

function passedIn({ targets }: Pick<WalState, 'targets'>): Map<TargetId, Span[]> {
  const told = Object.entries(targets) as [TargetId, WalState['targets'][TargetId]][]
  return new Map(
    told.map(([target, { passed = [] }]) => [
      target,
      passed.map(({ from, to }) => ({ start: parseLsn(from), end: parseLsn(to) })),
    ]),
  )
}

function noteKnownMoments({ now }: Road, { safe, targets }: WalState): void {
  const marks = [safe, ...Object.values(targets)].map(({ lsn, at }) => ({ lsn: parseLsn(lsn), atMs: Date.parse(at) }))
  for (const { lsn, atMs } of marks.sort((one, other) => one.atMs - other.atMs)) now.moments.note(lsn, atMs)
}

/** Nothing that matters was stored before the one that is furthest behind stood where it stands. */
function oldestMoment({ safe, targets }: WalState): number {
  return Math.min(...[safe, ...Object.values(targets)].map(({ at }) => Date.parse(at)))
}
