import type { Metrics } from '@lifeboat/shared/service/metrics.ts'
import { targetEvents } from '@lifeboat/storage/layers/target-events.ts'

export type Events = ReturnType<typeof uploaderEvents>

/** What an uploader does that people want to count; one call writes log line and metric together. */
export function uploaderEvents(metrics: Metrics) {
  return {
    partStored: metrics.event({ event: 'part.stored', sentence: 'stored part', labels: ['targetId', 'from'] }),
    partFound: metrics.event({ event: 'part.found', sentence: 'found part stored already', labels: ['targetId'] }),
    partGivenUp: metrics.event({
      event: 'part.given-up',
      sentence: 'gave up a part that nobody has any more',
      level: 'warn',
      labels: ['targetId'],
    }),
    /** Its `durationMs` is the off-site lag: from the seal of the backup to the complete copy. */
    copyStored: metrics.event({ event: 'copy.stored', sentence: 'stored copy', labels: ['targetId', 'sourceId'] }),
    copyRefused: metrics.event({
      event: 'copy.refused',
      sentence: 'the target cannot take this copy',
      level: 'warn',
      labels: ['targetId', 'sourceId'],
    }),
    /** Its `durationMs` is the way from the seal in the spool to the target. */
    walStored: metrics.event({
      event: 'wal.stored',
      sentence: 'stored WAL',
      level: 'debug',
      labels: ['targetId', 'sourceId', 'from'],
    }),
    walFound: metrics.event({
      event: 'wal.found',
      sentence: 'found WAL stored already',
      level: 'debug',
      labels: ['targetId', 'sourceId'],
    }),
    walGivenUp: metrics.event({
      event: 'wal.given-up',
      sentence: 'gave up an object of WAL that nobody has any more',
      level: 'warn',
      labels: ['targetId', 'sourceId'],
    }),
    walRefused: metrics.event({
      event: 'wal.refused',
      sentence: 'the target cannot take the WAL of this source',
      level: 'warn',
      labels: ['targetId', 'sourceId'],
    }),
    walRefilled: metrics.event({
      event: 'wal.refilled',
      sentence: 'brought WAL that was missing from another target',
      labels: ['targetId', 'sourceId', 'from'],
    }),
    copyMarked: metrics.event({
      event: 'copy.marked',
      sentence: 'let a copy go: it is hidden, its bytes stay for now',
      labels: ['targetId', 'sourceId'],
    }),
    copyUnmarked: metrics.event({
      event: 'copy.unmarked',
      sentence: 'brought back a copy that was let go',
      labels: ['targetId', 'sourceId'],
    }),
    undoTooLate: metrics.event({
      event: 'copy.undo-too-late',
      sentence: 'a copy that was let go cannot be brought back any more',
      level: 'warn',
      labels: ['targetId', 'sourceId'],
    }),
    copyExpired: metrics.event({
      event: 'copy.expired',
      sentence: 'removed a copy that was let go',
      labels: ['targetId', 'sourceId'],
    }),
    copyLocked: metrics.event({
      event: 'copy.locked',
      sentence: 'the store holds a copy that was let go',
      level: 'warn',
      labels: ['targetId', 'sourceId'],
    }),
    copyHeld: metrics.event({
      event: 'copy.held',
      sentence: 'a hold was placed meanwhile; the copy stays',
      labels: ['targetId', 'sourceId'],
    }),
    copyKept: metrics.event({
      event: 'copy.kept',
      sentence: 'a copy is not removed although that was asked for',
      level: 'warn',
      labels: ['targetId', 'sourceId'],
    }),
    walKept: metrics.event({
      event: 'wal.kept',
      sentence: 'WAL stays that recovery from the base needs, although its removal was asked for',
      level: 'warn',
      labels: ['targetId', 'sourceId'],
    }),
    walExpired: metrics.event({
      event: 'wal.expired',
      sentence: 'removed WAL that the recovery window does not need',
      labels: ['targetId', 'sourceId'],
    }),
    copyUnlocked: metrics.event({
      event: 'copy.unlocked',
      sentence: 'a copy that should be locked was not',
      level: 'warn',
      labels: ['targetId', 'sourceId'],
    }),
    copyRead: metrics.event({
      event: 'copy.read',
      sentence: 'read all of a copy and compared its digests',
      labels: ['targetId', 'sourceId'],
    }),
    copyRemade: metrics.event({
      event: 'copy.remade',
      sentence: 'made a copy whole again from another target',
      level: 'warn',
      labels: ['targetId', 'sourceId'],
    }),
    copyStuck: metrics.event({
      event: 'copy.stuck',
      sentence: 'a damaged copy cannot be made whole: what is wrong cannot be removed there',
      level: 'warn',
      labels: ['targetId', 'sourceId'],
    }),
    walRead: metrics.event({
      event: 'wal.read',
      sentence: 'read a sample of WAL and compared its digests',
      labels: ['targetId', 'sourceId'],
    }),
    walRemade: metrics.event({
      event: 'wal.remade',
      sentence: 'put WAL anew that was damaged',
      level: 'warn',
      labels: ['targetId', 'sourceId', 'from'],
    }),
    walStuck: metrics.event({
      event: 'wal.stuck',
      sentence: 'damaged WAL cannot be put anew',
      level: 'warn',
      labels: ['targetId', 'sourceId'],
    }),
    walSurveyed: metrics.event({
      event: 'wal.surveyed',
      sentence: 'looked whether targets still hold the WAL they held',
      labels: ['sourceId'],
    }),
    targetSurveyed: metrics.event({
      event: 'target.surveyed',
      sentence: 'compared what a target holds with the catalogue',
      labels: ['targetId'],
    }),
    observerOf: targetEvents(metrics),
  }
}
