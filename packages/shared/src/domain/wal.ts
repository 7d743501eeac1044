import { z } from 'zod'
import { ErrorReportSchema } from '../errors/error-report.ts'
import { AgentId, Moment, SourceId, TargetId } from './ids.ts'
import type { Key } from './keys.ts'

/** A place in the write-ahead log as PostgreSQL writes it: `16/B374D848`, two hexadecimal halves of 64 bits. */
export const Lsn = z
  .string()
  .regex(/^[0-9A-F]{1,8}\/[0-9A-F]{1,8}$/, 'a log position looks like 16/B374D848')
  .brand<'Lsn'>()
export type Lsn = z.infer<typeof Lsn>

export function parseLsn(text: string): bigint {
  const [high = '', low = ''] = text.split('/')
  return (BigInt(`0x${high}`) << 32n) | BigInt(`0x${low}`)
}

export function formatLsn(lsn: bigint): Lsn {
  return `${hex(lsn >> 32n)}/${hex(lsn & 0xffff_ffffn)}` as Lsn
}

/** A history of the cluster: it begins at initdb with 1, and every promotion begins another. */
export const Timeline = z.int().positive().max(0xffff_ffff)
export type Timeline = z.infer<typeof Timeline>

/** How far WAL leads without a hole, this position excluded. */
export const WalReach = z.strictObject({ timeline: Timeline, end: Lsn })
export type WalReach = z.infer<typeof WalReach>

/** `000000010000000000000003`: eight digits each of timeline, log and segment. */
export const SegmentName = z
  .string()
  .regex(/^[0-9A-F]{24}$/, 'a WAL segment is named by 24 upper-case hexadecimal digits')
  .brand<'SegmentName'>()
export type SegmentName = z.infer<typeof SegmentName>

/** Half-open: `end` is the first byte that is not in it. */
export interface WalRange {
  timeline: Timeline
  start: bigint
  end: bigint
}

/**
 * The segment that holds a position.
 *
 * @param segmentBytes of the cluster, 16 MiB unless initdb was told otherwise (`SHOW wal_segment_size`)
 */
export function segmentAt(timeline: Timeline, lsn: bigint, segmentBytes: number): SegmentName {
  const number = lsn / BigInt(segmentBytes)
  const perLog = 0x1_0000_0000n / BigInt(segmentBytes)
  return `${hex8(BigInt(timeline))}${hex8(number / perLog)}${hex8(number % perLog)}` as SegmentName
}

export function segmentRange(name: SegmentName, segmentBytes: number): WalRange {
  const [timeline, log, segment] = [0, 8, 16].map((at) => BigInt(`0x${name.slice(at, at + 8)}`)) as [
    bigint,
    bigint,
    bigint,
  ]
  const start = (log << 32n) + segment * BigInt(segmentBytes)
  return { timeline: Number(timeline), start, end: start + BigInt(segmentBytes) }
}

/**
 * One object of the WAL archive.
 *
 * `digest` is the beginning of the SHA-256 of the *plain* bytes: an agent that lost its disk encrypts the same WAL to other bytes and still
 * arrives at the same key, so nothing is stored twice; other contents for the same place get another key, so nothing is overwritten and the
 * audit sees both.
 *
 * - `segment`: a whole segment
 * - `piece`: bytes `from` (inclusive) to `to` (exclusive) of a segment that was not finished yet; pieces of one segment follow each other, and may overlap where an
 *   agent lost its place: they then repeat the same bytes
 * - `history`: how a timeline branched off, as PostgreSQL keeps it in `pg_wal`
 */
export type WalObject =
  | { kind: 'segment'; segment: SegmentName; digest: string }
  | { kind: 'piece'; segment: SegmentName; from: number; to: number; digest: string }
  | { kind: 'history'; timeline: Timeline; digest: string }

/** Digits of the digest in a key. */
export const WAL_DIGEST_DIGITS = 16

const SUFFIX = '.zst.age'

export function walPrefix(source: SourceId): Key {
  return `${source}/wal/`
}

/** Which cluster the archive of a source belongs to; written before anything else and never changed. */
export function clusterKey(source: SourceId): Key {
  return `${walPrefix(source)}cluster.json`
}

/** The same of its bases, which are kept without WAL as well; one says when the archive began, the other does not. */
export function clusterOfBasesKey(source: SourceId): Key {
  return `${source}/cluster.json`
}

/** `records/wal/00000001/000000010000000000000003.<digest>.zst.age`; undo the names from the right: decrypt, decompress. */
export function walKey(source: SourceId, object: WalObject): Key {
  return `${walPrefix(source)}${hex8(BigInt(timelineOf(object)))}/${walFileName(object)}`
}

export function walFileName(object: WalObject): string {
  switch (object.kind) {
    case 'segment':
      return `${object.segment}.${object.digest}${SUFFIX}`
    case 'piece':
      return `${object.segment}.${hex8(BigInt(object.from))}-${hex8(BigInt(object.to))}.${object.digest}${SUFFIX}`
    case 'history':
      return `${hex8(BigInt(object.timeline))}.history.${object.digest}${SUFFIX}`
  }
}

export function timelineOf(object: WalObject): Timeline {
  return object.kind === 'history' ? object.timeline : Number.parseInt(object.segment.slice(0, 8), 16)
}

const FILE_NAME =
  /^(?:(?<segment>[0-9A-F]{24})(?:\.(?<from>[0-9A-F]{8})-(?<to>[0-9A-F]{8}))?|(?<timeline>[0-9A-F]{8})\.history)\.(?<digest>[0-9a-f]{16})\.zst\.age$/

/** @returns undefined for what is none: the marker of the cluster, or a stranger's object */
export function parseWalKey(key: Key): WalObject | undefined {
  const { segment, from, to, timeline, digest = '' } = FILE_NAME.exec(key.slice(key.lastIndexOf('/') + 1))?.groups ?? {}
  if (segment !== undefined && from !== undefined && to !== undefined)
    return { kind: 'piece', segment: segment as SegmentName, from: parse16(from), to: parse16(to), digest }
  if (segment !== undefined) return { kind: 'segment', segment: segment as SegmentName, digest }
  if (timeline !== undefined) return { kind: 'history', timeline: parse16(timeline), digest }
  return undefined
}

/** The part of the log an object holds; a history file holds none. */
export function rangeOf(object: WalObject, segmentBytes: number): WalRange | undefined {
  if (object.kind === 'history') return undefined
  const whole = segmentRange(object.segment, segmentBytes)
  if (object.kind === 'segment') return whole
  return { ...whole, start: whole.start + BigInt(object.from), end: whole.start + BigInt(object.to) }
}

/** What ends there or earlier, of that timeline and of older ones, a target let go. */
export const LetGoBefore = z.object({ timeline: Timeline, lsn: Lsn })
export type LetGoBefore = z.infer<typeof LetGoBefore>

/** The same as it counts now. */
export interface LetGoWord extends LetGoBefore {
  /** Of that timeline and of older ones it says nothing: the cluster was put back to it, and has written other WAL to the same places since. */
  newerThan?: Timeline
}

/** Whether what ends at a place lies before where a target's own WAL begins, as it told. */
export function isLetGo(word: LetGoWord, { timeline, end }: Pick<WalRange, 'timeline' | 'end'>): boolean {
  return isAbout(word, timeline) && end <= parseLsn(word.lsn)
}

/** Whether a word says something of the WAL of a timeline. */
export function isAbout(word: Omit<LetGoWord, 'lsn'>, timeline: Timeline): boolean {
  return timeline <= word.timeline && timeline > (word.newerThan ?? 0)
}

/** How a segment began that was not full yet when it was looked at: whoever receives it again sees whether it is the same. */
export const Seam = z.object({
  timeline: Timeline,
  /** Inside the segment; what lies before it there was received. */
  lsn: Lsn,
  /** Of those plain bytes, as it would stand in a key. */
  digest: z.string(),
})
export type Seam = z.infer<typeof Seam>

/** More holes than that are not written down of a target: the newest count. */
export const PASSED_HOLES = 64

/** How far the WAL of a source has come, as its agent last saw it; written to the bucket `lifeboat_wal` every few seconds. */
export const WalState = z.object({
  sourceId: SourceId,
  agentId: AgentId,
  /** When this was written. */
  at: Moment,
  /** `streaming`: connected, WAL arrives · `waiting`: tries again, with the error · `refused`: something a person must decide, with the error */
  status: z.enum(['streaming', 'waiting', 'refused']),
  error: ErrorReportSchema.optional(),
  systemIdentifier: z.string(),
  timeline: Timeline,
  /** The timelines that one came from, oldest first, and where each was left. */
  ancestors: z.array(z.object({ timeline: Timeline, end: Lsn })).optional(),
  segmentBytes: z.int().positive(),
  /** The end of WAL the server last told of. */
  serverLsn: Lsn,
  receivedLsn: Lsn,
  /** What as many targets as required hold: reported to the slot as flushed. `at`: everything the server had written by then is in it. */
  safe: z.object({ lsn: Lsn, at: Moment }),
  /**
   * The same for each target alone. `begins`: what ends there or earlier, of that timeline and of older ones, it let go. `passed`: holes before `lsn` that hold it up no
   * more, since nobody can fill them there.
   */
  targets: z.record(
    TargetId,
    z.object({
      ...{ lsn: Lsn, at: Moment, begins: LetGoBefore.optional() },
      /** The newest heartbeat row it holds. */
      heartbeatAt: Moment.optional(),
      passed: z
        .array(z.object({ from: Lsn, to: Lsn }))
        .max(PASSED_HOLES)
        .optional(),
    }),
  ),
  /** Of the present timeline. */
  seam: Seam.optional(),
  /** Where keeping began, or behind the last hole that was healed: from there to `safe` nothing but `lost` is missing. */
  begun: z.object({ lsn: Lsn, at: Moment }).optional(),
  slot: z.object({
    name: z.string(),
    /** WAL the server keeps because of the slot. */
    retainedBytes: z.int().nonnegative(),
    /** An incident is opened beyond this … */
    warnBytes: z.int().positive(),
    /** … and beyond this the slot is given up, aloud. */
    giveUpBytes: z.int().positive(),
    /** It is the server that gives up there, by its max_slot_wal_keep_size, and before the configuration would. */
    serverGivesUp: z.literal(true).optional(),
    /** What is free on the disk of pg_wal, and by how much what the slot keeps grew within the last hour; absent where the agent cannot see that disk. */
    disk: z.object({ freeBytes: z.int().nonnegative(), grewBytes: z.int().nonnegative() }).optional(),
  }),
  /** WAL that is lost for good: recovery cannot pass this hole. Stays until a base backup that ended behind it is stored. */
  lost: z.object({ from: Lsn, to: Lsn, timeline: Timeline, since: Moment, reason: z.string() }).optional(),
  /** Public age keys the agent encrypts WAL to now. */
  recipients: z.array(z.string()).optional(),
  /** The newest heartbeat row that is off-site. */
  heartbeatAt: Moment.optional(),
})
export type WalState = z.infer<typeof WalState>

function hex(value: bigint): string {
  return value.toString(16).toUpperCase()
}

function hex8(value: bigint): string {
  return hex(value).padStart(8, '0')
}

function parse16(digits: string): number {
  return Number.parseInt(digits, 16)
}
