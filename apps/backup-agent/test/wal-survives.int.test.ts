import { segmentAt } from '@lifeboat/shared/domain/wal.ts'
import { startPostgres, type TestPostgres } from '@lifeboat/testkit/postgres.ts'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { AGENTS_BUCKET } from '../src/name-lease.ts'
import {
  currentLsn,
  dropSlot,
  everywhere,
  openWalHouse,
  SEGMENT_BYTES,
  SLOT,
  slotReaches,
  type WalHouse,
  writeWal,
} from './wal-house.ts'

const stack = new AsyncDisposableStack()
let pg: TestPostgres
let house: WalHouse
beforeAll(async () => {
  pg = stack.use(await startPostgres({ settings: { wal_keep_size: '2GB' } }))
  house = stack.use(await openWalHouse({ pg }))
  await house.start('backup-agent', 'uploader')
})
afterAll(() => stack.disposeAsync())

test('what the server wrote lies at every target byte for byte, the unfinished segment as far as it goes', async () => {
  await writeWal(pg, 36)
  const end = await currentLsn(pg)
  expect(await everywhere(house, pg)).toMatchObject({ status: 'streaming', timeline: 1, slot: { name: SLOT } })
  const objects = await house.objects('north')
  const whole = objects.flatMap((object) => (object.kind === 'segment' ? [object.segment] : []))
  expect(whole.length).toBeGreaterThanOrEqual(2)
  expect(whole).not.toContain(segmentAt(1, end, SEGMENT_BYTES))
  await slotReaches(pg, end)
  await expect.poll(() => house.spooled()).toEqual([])
})

test('an agent killed in the middle of a segment, its disk wiped, leaves no hole: the server still has what was not off-site', async () => {
  await writeWal(pg, 5)
  await house.kill('backup-agent')
  await house.wipeSpool()
  await writeWal(pg, 30)
  // With its disk the agent lost who it was: to the bus it is another one of the same name, which is free when the dead one's lease is over.
  const names = await house.bus.bucket(AGENTS_BUCKET)
  await expect.poll(() => names.get('db1')).toBeUndefined()
  await house.start('backup-agent')
  await everywhere(house, pg)
})

test('a PostgreSQL that crashes and comes back is streamed from again', async () => {
  await writeWal(pg, 5)
  await pg.restart('immediate')
  await writeWal(pg, 20)
  expect((await everywhere(house, pg)).status).toBe('streaming')
})

test('NATS may be away for a while: nothing is lost, nothing false is claimed', async () => {
  await writeWal(pg, 2)
  await house.nats.restart({ signal: 'SIGKILL', downMs: 8_000 })
  await writeWal(pg, 20)
  await everywhere(house, pg)
})

test('an uploader that is killed is made up for by the next one', async () => {
  await house.kill('uploader')
  await writeWal(pg, 20)
  await house.start('uploader')
  await everywhere(house, pg)
})

test('a slot that somebody drops while the server still has the WAL is made anew, and nothing is lost', async () => {
  await house.kill('backup-agent', 'SIGTERM')
  await dropSlot(pg)
  await writeWal(pg, 20)
  await house.start('backup-agent')
  const state = await everywhere(house, pg)
  expect(state.lost).toBeUndefined()
  await house.logged('backup-agent', 'wal.slot-missing')
})
