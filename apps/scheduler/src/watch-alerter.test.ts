import type { Entry } from '@lifeboat/shared/bus/bus.ts'
import { moment } from '@lifeboat/shared/domain/ids.ts'
import { silentLogger } from '@lifeboat/shared/log/logger.ts'
import type { Presence } from '@lifeboat/shared/service/presence.ts'
import { expect, test } from 'vitest'
import { watchAlerter } from './watch-alerter.ts'

const NOW = Date.parse('2027-01-10T12:00:00Z')
const MINUTE = 60_000

test('an alerter on a host whose clock is two minutes behind is not called silent', async () => {
  expect(await toldAfterTwoLooks({ saysMs: NOW - 2 * MINUTE, writtenAt: NOW })).toEqual([])
})

test('an alerter that wrote nothing for a minute is silent, however far its own clock is ahead', async () => {
  expect(await toldAfterTwoLooks({ saysMs: NOW + MINUTE, writtenAt: NOW - MINUTE })).toEqual(['alerter.silent'])
})

async function toldAfterTwoLooks({ saysMs, writtenAt }: { saysMs: number; writtenAt: number }): Promise<unknown[]> {
  const told: unknown[] = []
  const tell = ({ event }: { event?: unknown }) => void told.push(event)
  const startedAt = moment(NOW - 60 * MINUTE)
  const value = { service: 'alerter', id: 'alerter', instance: 'a', version: '0', startedAt, at: moment(saysMs) }
  async function* entries(): AsyncGenerator<Entry<Presence>> {
    yield { key: 'alerter.alerter.a', revision: 1, writtenAt, value }
  }
  const presence = { entries } as unknown as Parameters<typeof watchAlerter>[0]['presence']
  const look = watchAlerter({ presence, clock: { now: () => NOW }, log: { ...silentLogger, error: tell } as never })
  await look()
  await look()
  return told
}
