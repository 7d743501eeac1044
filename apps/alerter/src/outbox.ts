import type { Bucket, Entry } from '@lifeboat/shared/bus/bus.ts'
import { moment } from '@lifeboat/shared/domain/ids.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import type { Logger } from '@lifeboat/shared/log/logger.ts'
import type { Clock } from '@lifeboat/shared/time/clock.ts'
import type { Channel } from './channels/channel.ts'
import type { Notice } from './notices.ts'

const FIRST_PAUSE_MS = 30_000
const LONGEST_PAUSE_MS = 15 * 60_000
/** Sent notices stay so long that nothing that was repeated after a crash is sent again. */
const KEEP_SENT_MS = 7 * 86_400_000

export interface OutboxDeps {
  outbox: Bucket<Notice>
  channel: Channel
  clock: Clock
  log: Logger
}

/** Puts a notice on its way; a notice that is there already stays as it is. */
export async function enqueue(outbox: Bucket<Notice>, notice: Notice): Promise<void> {
  await outbox.create(notice.id, notice)
}

/** Causes with a notice the mail server has not taken. */
export async function unsentCauses(outbox: Bucket<Notice>): Promise<Set<string>> {
  return new Set(
    (await readAll(outbox)).filter(({ value }) => value.state === 'pending').map(({ value }) => value.cause),
  )
}

/**
 * Sends what is due, the notices of one incident in their order, and lets sent ones go after a week.
 *
 * At least once: a notice leaves only after the mail server took it, and is tried for as long as it takes, with pauses up to a
 * quarter of an hour. If this process dies between the two, the same mail goes out again with the same Message-ID.
 *
 * @returns how many mails the server took
 */
export async function deliverDue(deps: OutboxDeps): Promise<number> {
  const nowMs = deps.clock.now()
  const entries = (await readAll(deps.outbox)).sort((a, b) => compare(a.value, b.value))
  const blocked = new Set<string>()
  let sent = 0
  for (const entry of entries) {
    const { value } = entry
    if (value.state === 'sent') await forgetOld(deps, value, nowMs)
    else if (!blocked.has(value.cause) && isDue(value, nowMs) && (await send(deps, entry))) sent += 1
    else blocked.add(value.cause)
  }
  return sent
}

/** @returns whether everybody has it now */
async function send({ outbox, channel, clock, log }: OutboxDeps, { value, revision }: Entry<Notice>): Promise<boolean> {
  const attempts = value.attempts + 1
  const trying: Notice = { ...value, attempts, nextAt: moment(clock.now() + pauseAfter(attempts)) }
  const claimed = await outbox.update(value.id, trying, revision)
  if (claimed === undefined) return false
  try {
    const { refused } = await channel.send(value)
    const done = refused.length === 0
    const outcome: Notice = done
      ? { ...trying, state: 'sent', sentAt: moment(clock.now()) }
      : { ...trying, to: refused }
    await outbox.update(value.id, outcome, claimed)
    if (!done)
      log.warn({ event: 'alert.refused', notice: value.id, refused }, 'some recipients were refused; trying again')
    else log.info({ event: 'alert.sent', notice: value.id, cause: value.cause, attempts }, 'sent an alert')
    return done
  } catch (thrown) {
    const err = LifeboatError.from(thrown)
    log[err.level]({ event: 'alert.unsent', err, notice: value.id, attempts, nextAt: trying.nextAt }, 'an alert waits')
    await outbox.update(value.id, { ...trying, lastError: err.message }, claimed)
    return false
  }
}

/** 30 s, doubling, at most 15 min. */
export function pauseAfter(attempts: number): number {
  return Math.min(FIRST_PAUSE_MS * 2 ** Math.min(attempts - 1, 20), LONGEST_PAUSE_MS)
}

/** A pause longer than any we set was set by a clock that stood ahead. */
function isDue({ nextAt }: Notice, nowMs: number): boolean {
  const waitMs = Date.parse(nextAt) - nowMs
  return waitMs <= 0 || waitMs > LONGEST_PAUSE_MS
}

async function forgetOld({ outbox }: OutboxDeps, { id, sentAt, createdAt }: Notice, nowMs: number): Promise<void> {
  if (nowMs - Date.parse(sentAt ?? createdAt) > KEEP_SENT_MS) await outbox.delete(id)
}

async function readAll(outbox: Bucket<Notice>): Promise<Entry<Notice>[]> {
  const entries: Entry<Notice>[] = []
  for await (const entry of outbox.entries()) entries.push(entry)
  return entries
}

function compare(a: Notice, b: Notice): number {
  return a.createdAt < b.createdAt ? -1 : a.createdAt > b.createdAt ? 1 : 0
}
