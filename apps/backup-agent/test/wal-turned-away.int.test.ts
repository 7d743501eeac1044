import { setTimeout as sleep } from 'node:timers/promises'
import { FOOTINGS_BUCKET, readFootings } from '@lifeboat/shared/service/presence.ts'
import { startPostgres } from '@lifeboat/testkit/postgres.ts'
import { expect, test } from 'vitest'
import { currentLsn, openWalHouse, safeBeyond, writeWal } from './wal-house.ts'

const WATCHED_MS = 20_000

test('a password that was changed is tried a few times a minute by all who keep the WAL together, and WAL goes on by itself when it is right again', async () => {
  await using pg = await startPostgres()
  await using house = await openWalHouse({ pg, wal: { heartbeat: { every: '500ms' } } })
  await house.start('backup-agent', 'uploader')
  await house.state(({ status, heartbeatAt }) => status === 'streaming' && heartbeatAt !== undefined)
  const password = (is: string) => pg.query('postgres', `alter role postgres password '${is}'`)
  const refused = () => pg.log().split('password authentication failed').length - 1
  await password('another')
  await pg.query(
    'postgres',
    `select pg_terminate_backend(pid) from pg_stat_activity where application_name like 'lifeboat%'`,
  )
  await expect.poll(refused, { interval: 100 }).toBeGreaterThan(0)
  await sleep(WATCHED_MS)
  // One for whoever asks the server and one for whoever streams; the look at the source, and two who came at the very first moment.
  expect(refused()).toBeLessThanOrEqual(5)
  await password(pg.password)
  await writeWal(pg, 1)
  await house.state(safeBeyond(await currentLsn(pg)))
})

test('who keeps the WAL of a source and is let in has it looked at again at once, where that look was refused before', async () => {
  await using pg = await startPostgres()
  await using house = await openWalHouse({ pg })
  const password = (is: string) => pg.query('postgres', `alter role postgres password '${is}'`)
  await password('another')
  await house.start('backup-agent')
  const told = await house.bus.bucket(FOOTINGS_BUCKET)
  const refusal = async () => {
    const [one] = [...(await readFootings(told)).values()].flat().filter(({ part }) => part === 'source')
    return one && (one.error?.code ?? 'holds')
  }
  await expect.poll(refusal).toBe('SOURCE_AUTH_REFUSED')
  await password(pg.password)
  // A minute until somebody tries the login again; by itself the source would be looked at five minutes after the refusal.
  await expect.poll(refusal, { timeout: 180_000, interval: 500 }).toBe('holds')
})
