import { silentLogger } from '@lifeboat/shared/log/logger.ts'
import { startSmtp } from '@lifeboat/testkit/smtp.ts'
import { describe, expect, it } from 'vitest'
import type { NoticeKind } from '../src/incidents.ts'
import type { Notice } from '../src/notices.ts'
import { makeNotice } from '../src/notices.ts'
import { deliverDue, enqueue, unsentCauses } from '../src/outbox.ts'
import { LOGIN, mailTo } from './alerter-world.ts'
import { anIncident, at } from './builders.ts'
import { paperBucket } from './paper-bucket.ts'

const MINUTE = 60_000
const MAIL = { text: 'plain\n', html: '<p>rich</p>' }

function notice(kind: NoticeKind, told: number, nowMs: number, to: string[]): Notice {
  const subject = `${kind} ${told}`
  return makeNotice(anIncident({ notifications: told }), kind, { ...MAIL, subject }, { fleet: 'test', to, nowMs })
}

async function postOffice(smtp: Awaited<ReturnType<typeof startSmtp>>, start: string) {
  const clock = { nowMs: at(start), now: () => clock.nowMs }
  const outbox = paperBucket<Notice>()
  const channel = await mailTo(smtp)
  const errors: unknown[] = []
  const log = { ...silentLogger, error: (facts: unknown) => void errors.push(facts) } as typeof silentLogger
  return { outbox, clock, errors, channel, log }
}

describe.concurrent('the outbox', () => {
  it('an address refused for good holds up nobody else: the others get every further mail of the incident', async () => {
    await using smtp = await startSmtp({ auth: LOGIN, unknown: ['dead@example.com'] })
    const office = await postOffice(smtp, '26T02:20')
    await using _channel = office.channel
    const to = ['ops@example.com', 'dead@example.com']
    await enqueue(office.outbox, notice('opened', 1, office.clock.now(), to))
    expect(await deliverDue(office)).toBe(1)
    expect(await unsentCauses(office.outbox)).toEqual(new Set())
    expect(office.errors).toMatchObject([{ event: 'alert.undeliverable', recipient: 'dead@example.com' }])
    office.clock.nowMs += MINUTE
    await enqueue(office.outbox, notice('resolved', 1, office.clock.now(), to))
    await deliverDue(office)
    expect(smtp.inbox.map(({ subject, recipients }) => [subject, recipients])).toEqual([
      ['opened 1', ['ops@example.com']],
      ['resolved 1', ['ops@example.com']],
    ])
    const kept = [...office.outbox.values()]
    expect(kept.map(({ undeliverable }) => undeliverable?.map(({ recipient }) => recipient))).toEqual([
      ['dead@example.com'],
      ['dead@example.com'],
    ])
  })

  it('a mail that every address refuses for good stays and is tried again: nobody has it', async () => {
    await using smtp = await startSmtp({ auth: LOGIN, unknown: ['dead@example.com', 'gone@example.com'] })
    const office = await postOffice(smtp, '26T02:20')
    await using _channel = office.channel
    const to = ['gone@example.com', 'dead@example.com']
    await enqueue(office.outbox, notice('opened', 1, office.clock.now(), to))
    expect(await deliverDue(office)).toBe(0)
    expect([...office.outbox.values()]).toMatchObject([{ state: 'pending', to }])
    expect((await unsentCauses(office.outbox)).size).toBe(1)
  })

  it('a clock that steps back an hour neither delays a mail nor lets a resolution overtake its opening', async () => {
    await using smtp = await startSmtp({ auth: LOGIN })
    const office = await postOffice(smtp, '26T02:20')
    await using _channel = office.channel
    const to = ['ops@example.com']
    await smtp.stop()
    await enqueue(office.outbox, notice('opened', 1, office.clock.now(), to))
    expect(await deliverDue(office)).toBe(0)
    office.clock.nowMs -= 60 * MINUTE
    await enqueue(office.outbox, notice('resolved', 1, office.clock.now(), to))
    await smtp.start()
    await deliverDue(office)
    await deliverDue(office)
    expect(smtp.inbox.map(({ subject }) => subject)).toEqual(['opened 1', 'resolved 1'])
    expect(await unsentCauses(office.outbox)).toEqual(new Set())
  })
})
