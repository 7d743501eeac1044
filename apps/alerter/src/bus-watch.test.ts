import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import { silentLogger } from '@lifeboat/shared/log/logger.ts'
import { describe, expect, it } from 'vitest'
import { at } from '../test/builders.ts'
import { BusWatch } from './bus-watch.ts'
import type { Message } from './channels/channel.ts'

const gone = new LifeboatError('BUS_UNREACHABLE')
const MINUTE = 60_000

function aWatch() {
  let nowMs = at('26T02:00')
  let mailDown = false
  const sent: Message[] = []
  const channel = {
    async send(message: Message) {
      if (mailDown) throw new LifeboatError('ALERT_NOT_SENT')
      sent.push(message)
      return { refused: [] }
    },
    name: 'mail',
    async tryOut() {},
    async [Symbol.asyncDispose]() {},
  }
  const mail = { fleet: 'test', to: ['ops@example.com'], dashboard: undefined, repeatMs: 60 * MINUTE }
  const watch = new BusWatch({ channel, clock: { now: () => nowMs }, log: silentLogger, mail })
  return {
    sent,
    subjects: () => sent.map(({ subject }) => subject.replace(/^\[.*?\] /, '')),
    mailIs: (down: boolean) => {
      mailDown = down
    },
    async failFor(minutes: number) {
      for (let minute = 0; minute < minutes; minute += 1) {
        await watch.failed(gone)
        nowMs += MINUTE
      }
    },
    back: () => watch.succeeded(),
  }
}

describe('a bus that is gone', () => {
  it('is mailed after three minutes, once, again after the time to repeat, and once when it is back', async () => {
    const { subjects, failFor, back, sent } = aWatch()
    await failFor(3)
    expect(subjects()).toEqual([])
    await failFor(50)
    expect(subjects()).toEqual(['OPEN: The message bus does not answer'])
    await failFor(20)
    await back()
    await back()
    expect(subjects().slice(1)).toEqual([
      'STILL OPEN: The message bus does not answer',
      'RESOLVED: The message bus does not answer',
    ])
    expect(sent[2]?.inReplyTo).toBe(sent[0]?.messageId)
    expect(sent[0]?.text).toContain('no answer since 2026-09-26T02:00:00.000Z')
  })

  it('for a moment is nobody’s business', async () => {
    const { subjects, failFor, back } = aWatch()
    await failFor(2)
    await back()
    await failFor(2)
    await back()
    expect(subjects()).toEqual([])
  })

  it('is mailed as soon as the mail server is there, also the end', async () => {
    const { subjects, failFor, back, mailIs } = aWatch()
    mailIs(true)
    await failFor(10)
    mailIs(false)
    await failFor(1)
    mailIs(true)
    await back()
    mailIs(false)
    await back()
    expect(subjects()).toEqual(['OPEN: The message bus does not answer', 'RESOLVED: The message bus does not answer'])
  })
})
