import { WalExpired } from '@lifeboat/shared/bus/messages/expiry.ts'
import { eventually } from '@lifeboat/testkit/eventually.ts'
import { expect, it } from 'vitest'
import { noteWalExpired } from '../src/handlers/note-wal-expired.ts'
import { startScheduler } from '../src/service.ts'
import { at, lsnAt, sourceId } from './physical-facts.ts'
import { schedulerWorld } from './scheduler-world.ts'

const record = {
  sourceId,
  systemIdentifier: '7',
  since: { lsn: lsnAt(-20), at: at(-20) },
  safe: { lsn: lsnAt(0), at: at(0) },
  holes: [],
}

const expired = (hour: number, targetId: string): WalExpired =>
  WalExpired.schema.parse({
    ...{
      sourceId,
      targetId,
      timeline: 1,
      before: lsnAt(hour),
      anchor: '20260926T013000Z-base-aaaaaa',
      anchorAt: at(hour),
      expiredAt: at(0),
    },
    ...{ objects: 3, bytes: 48, locked: 0 },
  })

it('the archive of a source begins where the farthest expiry let it begin, in whatever order targets tell', async () => {
  await using world = await schedulerWorld('2026-09-26T12:00:00Z')
  const deps = await world.scheduler([])
  await deps.walRecords.create(sourceId, record)
  world.run(startScheduler(deps, world.signal))
  await world.bus.publish(WalExpired, expired(-10, 'alpha'))
  const farthest = { ...record, since: { lsn: lsnAt(-10), at: at(-10) } }
  await eventually(async () => expect((await deps.walRecords.get(sourceId))?.value).toEqual(farthest))
  await noteWalExpired(deps)(expired(-15, 'beta'), undefined as never)
  expect((await deps.walRecords.get(sourceId))?.value).toEqual(farthest)
})

it('a record that changed meanwhile is not written over: the word is delivered again', async () => {
  await using world = await schedulerWorld('2026-09-26T12:00:00Z')
  const { walRecords } = await world.scheduler([])
  await walRecords.create(sourceId, record)
  const contended = {
    ...walRecords,
    get: async (key: string) => {
      const found = await walRecords.get(key)
      await walRecords.put(key, { ...record, safe: { lsn: lsnAt(1), at: at(1) } })
      return found
    },
    update: walRecords.update.bind(walRecords),
  }
  const noted = noteWalExpired({ walRecords: contended })(expired(-10, 'alpha'), undefined as never)
  await expect(noted).rejects.toMatchObject({ code: 'BUS_CONTENDED' })
  expect((await walRecords.get(sourceId))?.value).toMatchObject({ since: record.since, safe: { lsn: lsnAt(1) } })
})
