import { setTimeout as pause } from 'node:timers/promises'
import type { MessageType } from '@lifeboat/shared/bus/define-message.ts'
import { WalExpired } from '@lifeboat/shared/bus/messages/expiry.ts'
import { WalRefused, WalStored } from '@lifeboat/shared/bus/messages/wal.ts'
import type { TargetId } from '@lifeboat/shared/domain/ids.ts'
import { parseLsn } from '@lifeboat/shared/domain/wal.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import type { Road, Standing } from './road.ts'

/** Clocks of server, bus and agent need not agree better than this. */
const MARGIN_MS = 10 * 60_000
const AGAIN_MS = 1_000

/**
 * Folds what targets say into what they hold, from a moment on, for as long as the agent lives or until this is called again.
 *
 * @returns when everything that was said so far is folded
 */
export async function followStored(road: Road, sinceMs: number): Promise<void> {
  const since = Math.max(0, sinceMs - MARGIN_MS)
  road.now.listening.abort()
  road.now.listening = new AbortController()
  await Promise.all([
    untilCaughtUp(road, WalRefused, { route: road.agentId, since }, noteRefused),
    untilCaughtUp(road, WalStored, { route: road.agentId, since }, noteStored),
    untilCaughtUp(road, WalExpired, { route: road.sourceId, since }, noteExpired),
  ])
}

async function untilCaughtUp<T extends { sourceId: string }>(
  road: Road,
  type: MessageType<T>,
  which: { route: string; since: number },
  note: (road: Road, data: T) => Promise<void>,
): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  const signal = AbortSignal.any([road.signal, road.now.listening.signal])
  const listen = async () => {
    while (!signal.aborted) {
      try {
        for await (const data of road.bus.follow(type, { ...which, signal, caughtUp: resolve }))
          if (data.sourceId === road.sourceId) await note(road, data)
      } catch (thrown) {
        if (signal.aborted) break
        const err = LifeboatError.from(thrown)
        road.log[err.level](
          { event: 'wal.deaf', err, subject: type.subject },
          'what targets hold cannot be heard right now',
        )
        await pause(AGAIN_MS, undefined, { signal }).catch(() => {})
      }
    }
    reject(signal.reason)
  }
  void listen()
  return promise
}

async function noteStored(road: Road, stored: WalStored): Promise<void> {
  const { targetId, timeline, startLsn, endLsn, key } = stored
  const holders = road.now.standing?.holders
  noteTaken(road, targetId, Date.parse(stored.storedAt))
  if (stored.withoutMd5) road.now.withoutMd5.add(targetId)
  if (startLsn === undefined || endLsn === undefined) holders?.storedHistory(targetId, timeline)
  else holders?.stored(targetId, timeline, { start: parseLsn(startLsn), end: parseLsn(endLsn) })
  reportSafe(road)
  await road.spool.noteHolder(key.slice(key.lastIndexOf('/') + 1), targetId).catch((thrown: unknown) => {
    const err = LifeboatError.from(thrown)
    road.log[err.level]({ event: 'wal-spool.unreleased', err, key }, 'WAL that targets hold could not be removed')
  })
}

async function noteExpired(road: Road, { targetId, timeline, before }: WalExpired): Promise<void> {
  const { standing } = road.now
  if (standing === undefined) return
  standing.holders.letGo(targetId, timeline, parseLsn(before))
  reportSafe(road)
  await makeRoom(road, standing)
}

/** What recovery does not need any more, from whichever target, is waited for nowhere, and it makes room for what is needed. */
export async function makeRoom({ spool, log }: Road, { holders, segmentBytes }: Standing): Promise<void> {
  const begins = holders.targets.map((target) => holders.beginning(target))
  await spool.letGo(begins, segmentBytes).catch((thrown: unknown) => {
    const err = LifeboatError.from(thrown)
    log[err.level]({ event: 'wal-spool.unreleased', err }, 'WAL nobody needs could not be removed')
  })
}

function reportSafe({ now }: Road): void {
  if (now.standing !== undefined) now.stream?.report({ write: now.receivedLsn, flush: now.standing.holders.safe })
}

/** What is heard of one kind may be older than what was heard of the other: the newer word counts. */
function noteTaken({ now }: Road, target: TargetId, atMs: number): void {
  now.tookAt.set(target, Math.max(atMs, now.tookAt.get(target) ?? 0))
  const refusal = now.refusals.get(target)
  if (refusal !== undefined && refusal.atMs <= atMs) now.refusals.delete(target)
}

async function noteRefused({ now, log }: Road, { targetId, error, refusedAt }: WalRefused): Promise<void> {
  const atMs = Date.parse(refusedAt)
  if (atMs < (now.tookAt.get(targetId) ?? 0)) return
  if (!now.refusals.has(targetId))
    log.error({ event: 'wal.refused', targetId, error }, 'a target refuses the WAL of this source')
  now.refusals.set(targetId, { error, atMs })
}
