import type { Bucket, Entry } from '@lifeboat/shared/bus/bus.ts'
import { moment } from '@lifeboat/shared/domain/ids.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import type { Logger } from '@lifeboat/shared/log/logger.ts'
import type { Clock } from '@lifeboat/shared/time/clock.ts'
import type { Channel, Refusal } from './channels/channel.ts'
import { incidentOf, type Notice, tellingOf } from './notices.ts'

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
  const entries = inOrder(await readAll(deps.outbox))
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

/** @returns whether everybody who can be reached has it now */
async function send(deps: OutboxDeps, { value, revision }: Entry<Notice>): Promise<boolean> {
  const { outbox, channel, clock, log } = deps
  const attempts = value.attempts + 1
  const trying: Notice = { ...value, attempts, nextAt: moment(clock.now() + pauseAfter(attempts)) }
  const claimed = await outbox.update(value.id, trying, revision)
  if (claimed === undefined) return false
  try {
    const { refused } = await channel.send(value)
    const outcome = afterAnswer(trying, refused, clock.now())
    await outbox.update(value.id, outcome, claimed)
    logAnswer(deps, outcome, refused)
    return outcome.state === 'sent'
  } catch (thrown) {
    const err = LifeboatError.from(thrown)
    log[err.level]({ event: 'alert.unsent', err, notice: value.id, attempts, nextAt: trying.nextAt }, 'an alert waits')
    await outbox.update(value.id, { ...trying, lastError: err.message }, claimed)
    return false
  }
}

/**
 * Each recipient for itself: who was refused for now is tried again alone, who was refused for good holds up nobody. Only a notice that
 * nobody at all has taken goes on being tried with every address.
 */
function afterAnswer(notice: Notice, refused: readonly Refusal[], nowMs: number): Notice {
  const waiting = refused.filter(({ forGood }) => !forGood).map(({ recipient }) => recipient)
  const dead = refused.filter(({ forGood }) => forGood).map(({ recipient, answer }) => ({ recipient, answer }))
  const known = (notice.undeliverable ?? []).filter((old) => !dead.some(({ recipient }) => recipient === old.recipient))
  const undeliverable = [...known, ...dead]
  const reached = notice.reached === true || refused.length < notice.to.length
  const lastError = refused.at(-1)?.answer ?? notice.lastError
  const next: Notice = {
    ...notice,
    reached,
    ...(undeliverable.length > 0 && { undeliverable }),
    ...(lastError !== undefined && { lastError }),
  }
  if (waiting.length > 0) return { ...next, to: waiting }
  if (!reached) return { ...next, to: undeliverable.map(({ recipient }) => recipient) }
  return { ...next, to: [], state: 'sent', sentAt: moment(nowMs) }
}

function logAnswer({ log }: OutboxDeps, { id, cause, state, attempts }: Notice, refused: readonly Refusal[]): void {
  for (const { recipient, forGood, answer } of refused)
    if (forGood)
      log.error(
        { event: 'alert.undeliverable', notice: id, recipient, answer },
        'the mail server refuses a recipient for good',
      )
    else log.warn({ event: 'alert.refused', notice: id, recipient, answer }, 'a recipient was refused; trying again')
  if (state === 'sent') log.info({ event: 'alert.sent', notice: id, cause, attempts }, 'sent an alert')
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

/** Incidents by age; within one by the count of its tellings, its end last: the clock may have stepped back between two of them. */
function inOrder(entries: readonly Entry<Notice>[]): Entry<Notice>[] {
  const series = [...Map.groupBy(entries, ({ value }) => incidentOf(value)).values()].map((each) => ({
    since: each.map(({ value }) => value.createdAt).sort()[0] ?? '',
    entries: each.sort((a, b) => tellingOf(a.value) - tellingOf(b.value)),
  }))
  return series.sort((a, b) => (a.since < b.since ? -1 : a.since > b.since ? 1 : 0)).flatMap((each) => each.entries)
}
