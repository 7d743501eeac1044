import { moment } from '@lifeboat/shared/domain/ids.ts'
import type { Incident } from '@lifeboat/shared/domain/incident.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import type { AlerterDeps } from './deps.ts'
import type { NoticeKind } from './incidents.ts'
import { makeNotice } from './notices.ts'
import { renderMail } from './templates/render.ts'

/** A restart of the bus is shorter. */
const SILENT_AFTER_MS = 3 * 60_000

/**
 * The one incident that cannot lie in the bus: that the bus is gone. It is held in memory and mailed past the outbox, again after the
 * time to repeat, and once when the bus is back.
 */
export class BusWatch {
  readonly #deps: Pick<AlerterDeps, 'channel' | 'clock' | 'log' | 'mail'>
  #lostMs: number | undefined
  #incident: Incident | undefined

  constructor(deps: Pick<AlerterDeps, 'channel' | 'clock' | 'log' | 'mail'>) {
    this.#deps = deps
  }

  /** A round could not be done. */
  async failed(thrown: unknown): Promise<void> {
    const nowMs = this.#deps.clock.now()
    this.#lostMs ??= nowMs
    if (nowMs - this.#lostMs < SILENT_AFTER_MS) return
    const last = this.#incident?.lastNotifiedAt
    if (last !== undefined && nowMs - Date.parse(last) < this.#deps.mail.repeatMs) return
    const told = (this.#incident?.notifications ?? 0) + 1
    const incident = busIncident(this.#lostMs, nowMs, LifeboatError.from(thrown), told)
    if (await this.#mail(incident, told === 1 ? 'opened' : 'repeated', nowMs)) this.#incident = incident
  }

  /** A round was done: the bus is there. */
  async succeeded(): Promise<void> {
    this.#lostMs = undefined
    if (this.#incident === undefined) return
    const nowMs = this.#deps.clock.now()
    const resolved: Incident = { ...this.#incident, state: 'resolved', resolvedAt: moment(nowMs) }
    if (await this.#mail(resolved, 'resolved', nowMs)) this.#incident = undefined
  }

  /** @returns whether the mail server took it; if not, the next round tries again */
  async #mail(incident: Incident, kind: NoticeKind, nowMs: number): Promise<boolean> {
    const { channel, log, mail } = this.#deps
    const notice = makeNotice(incident, kind, renderMail(incident, kind, { ...mail, nowMs }), { ...mail, nowMs })
    try {
      await channel.send(notice)
      return true
    } catch (err) {
      log.error({ event: 'alert.unsent', err, cause: incident.cause }, 'neither bus nor mail server can be reached')
      return false
    }
  }
}

function busIncident(lostMs: number, nowMs: number, { code, title }: LifeboatError, told: number): Incident {
  return {
    cause: 'service-silent.nats',
    rule: 'service-silent',
    severity: 'critical',
    title: 'The message bus does not answer',
    details: [
      `The alerter has had no answer since ${moment(lostMs)}`,
      `${code}: ${title}`,
      'Nothing is scheduled, shipped or proven while it is away; nothing that was acknowledged is lost',
    ],
    hint: 'Look whether nats-server runs, whether its disk is full, and at the network between it and the alerter.',
    state: 'open',
    openedAt: moment(lostMs),
    lastNotifiedAt: moment(nowMs),
    notifications: told,
  }
}
