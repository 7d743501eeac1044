import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { parseWalKey } from '@lifeboat/shared/domain/wal.ts'
import { startPostgres, type TestPostgres } from '@lifeboat/testkit/postgres.ts'
import { type SealedBase, sealBase } from '@lifeboat/testkit/seal-base.ts'
import { sealWal } from '@lifeboat/testkit/seal-wal.ts'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openHouse, type RecoveryHouse } from './recovery-house.ts'

let house: RecoveryHouse
let pg: TestPostgres
let base: SealedBase

/** One row, a promotion in the middle of a segment, one row more. */
beforeAll(async () => {
  house = await openHouse()
  pg = await startPostgres({ settings: { wal_keep_size: '1GB' } })
  const { target, recipient, signer } = house
  base = await sealBase({ pg, database: 'postgres', target, recipient, signer })
  await pg.query('postgres', 'create table visit as select 1 as no')
  await sealWal({ pg, target, recipient })
  await pg.stop()
  await writeFile(join(pg.dataDir, 'standby.signal'), '')
  await pg.restart()
  await pg.query('postgres', 'select pg_promote()')
  await pg.query('postgres', 'insert into visit values (2)')
  await sealWal({ pg, target, recipient })
})
afterAll(async () => {
  await pg?.[Symbol.asyncDispose]()
  await house?.[Symbol.asyncDispose]()
})

const VISITS = 'select array_agg(no order by no) as visits from visit'

test('recovery follows a promotion in the middle of a segment to the newest row', async () => {
  await using back = await house.bringBack([base], { goal: { to: 'latest' } })
  expect(await back.ask('postgres', VISITS)).toEqual([{ visits: [1, 2] }])
  expect(back.recovered.timeline).toBe(2)
})

test('the timeline that was left is reached when it is named', async () => {
  await using back = await house.bringBack([base], { goal: { to: 'latest' }, timeline: 1 })
  expect(await back.ask('postgres', VISITS)).toEqual([{ visits: [1] }])
  expect(back.recovered.timeline).toBe(1)
})

test('without the history of the new timeline its rows are not left out in silence', async () => {
  const [key = ''] = [...house.target.objects.keys()].filter((each) => parseWalKey(each)?.kind === 'history')
  const history = house.target.objects.get(key) as Buffer
  house.target.objects.delete(key)
  await expect(house.bringBack([base], { goal: { to: 'latest' } })).rejects.toMatchObject({ code: 'RECOVERY_NO_BASE' })
  house.target.objects.set(key, history)
})

test('WAL of another cluster under the same name is refused', async () => {
  const marker = house.target.objects.get('records/wal/cluster.json') as Buffer
  house.target.objects.set('records/wal/cluster.json', Buffer.from('{"format":1,"systemIdentifier":"7"}'))
  await expect(house.bringBack([base], { goal: { to: 'latest' } })).rejects.toMatchObject({ code: 'WAL_FOREIGN' })
  house.target.objects.set('records/wal/cluster.json', marker)
})
