import { JetStreamApiError, type StoredMsg } from '@nats-io/jetstream'
import { buryStray } from './dead-letters.ts'
import { busSubject } from './define-message.ts'
import type { NatsLink } from './link.ts'
import { MESSAGES } from './messages/all.ts'
import { WISHES } from './streams.ts'
import { subjectMatches } from './subject-match.ts'

/** Long enough for a newer service that knows the message to bring up its consumer during a rolling upgrade. */
const STRAY_AFTER_MS = 60_000

/** Messages that lie in a stream now, in order, without consuming them. */
export async function* waitingMessages(link: NatsLink, stream: string, filter: string) {
  let seq = 1
  for (;;) {
    // The server's "next of this subject at or after this sequence"; the client's types do not list it.
    const query: { seq: number } = Object.assign({ seq }, { next_by_subj: filter })
    const found: StoredMsg | null = await link
      .try(() => link.jsm.streams.getMessage(stream, query))
      .catch((err: unknown) => {
        if (err instanceof JetStreamApiError && err.status === 404) return null
        throw err
      })
    if (found === null) return
    yield { subject: found.subject, data: found.data, sequence: found.seq, at: found.time.getTime() }
    seq = found.seq + 1
  }
}

/**
 * Buries wishes of a subject or version that no definition knows and no consumer asks for: nobody would ever fulfil them, and nobody would say so.
 *
 * @param olderThanMs younger ones are left alone; their consumer may be on its way
 * @returns how many were buried
 */
export async function buryStrays(link: NatsLink, nowMs: number, olderThanMs = STRAY_AFTER_MS): Promise<number> {
  const asked = await consumedSubjects(link)
  let buried = 0
  for (const subject of await strangeSubjects(link)) {
    if (asked.some((filter) => subjectMatches(filter, subject))) continue
    for await (const { at, sequence, data } of waitingMessages(link, WISHES.name, subject)) {
      if (nowMs - at < olderThanMs) continue
      await buryStray(link, { stream: WISHES.name, sequence, subject, data })
      buried += 1
    }
  }
  return buried
}

async function strangeSubjects(link: NatsLink): Promise<string[]> {
  const known = MESSAGES.map((type) => busSubject(type, '*'))
  const info = await link.try(() => link.jsm.streams.info(WISHES.name, { subjects_filter: '>' }))
  const present = Object.keys(info.state.subjects ?? {})
  return present.filter((subject) => !known.some((pattern) => subjectMatches(pattern, subject)))
}

async function consumedSubjects(link: NatsLink): Promise<string[]> {
  const filters: string[] = []
  for await (const { config } of link.jsm.consumers.list(WISHES.name))
    filters.push(...(config.filter_subjects ?? [config.filter_subject ?? '>']))
  return filters
}
