import { setTimeout as sleep } from 'node:timers/promises'
import { orNotRun } from '@lifeboat/testkit/conditions.ts'
import { startPostgres } from '@lifeboat/testkit/postgres.ts'
import { expect, test } from 'vitest'
import { everywhere, openWalHouse, writeWal } from './wal-house.ts'

const STOPS = 30

const slow = orNotRun(process.env.SLOW === '1', 'thirty stops in a row', 'two minutes (`pnpm test:slow`)')

test.runIf(slow)(
  'thirty stops in a row at any moment: each ends in time, and every byte of WAL is there at the end',
  { timeout: 1_800_000 },
  async () => {
    await using pg = await startPostgres({ settings: { wal_keep_size: '2GB' } })
    await using house = await openWalHouse({ pg })
    await house.start('backup-agent', 'uploader')
    let stopped = false
    const load = (async () => {
      for (; !stopped; await sleep(200)) await writeWal(pg, 1)
    })()
    const ends: unknown[] = []
    for (let stop = 0; stop < STOPS; stop += 1) {
      const service = stop % 3 === 2 ? 'uploader' : 'backup-agent'
      // From the first moment after the start to the middle of the work.
      await sleep((stop * 370) % 2500)
      const process = house.running.get(service)
      const end = await process?.kill('SIGTERM')
      ends.push({ service, ...end, hung: process?.log().includes('service.hung') })
      await house.start(service)
    }
    stopped = true
    await load
    const inTime = { code: 0, signal: null, hung: false }
    expect(ends).toEqual(ends.map(() => expect.objectContaining(inTime)))
    expect((await everywhere(house, pg)).lost).toBeUndefined()
    await expect.poll(() => house.spooled()).toEqual([])
  },
)
