import { rm } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { WAL_SURVEYS_BUCKET } from '@lifeboat/catalog/audit/wal-survey.ts'
import { moment } from '@lifeboat/shared/domain/ids.ts'
import { type Lsn, parseLsn } from '@lifeboat/shared/domain/wal.ts'
import { eventually } from '@lifeboat/testkit/eventually.ts'
import { startPostgres } from '@lifeboat/testkit/postgres.ts'
import { expect, test, vi } from 'vitest'
import { currentLsn, everywhere, openWalHouse, SOURCE, type WalHouse, writeWal } from './wal-house.ts'

async function expectBranch(house: WalHouse, target: string): Promise<void> {
  const objects = await house.objects(target)
  const timelines = new Set(objects.map((object) => ('segment' in object ? object.segment.slice(0, 8) : undefined)))
  expect([...timelines].filter(Boolean).sort()).toEqual(['00000001', '00000002'])
  const history = objects.find(({ kind }) => kind === 'history')
  expect(history).toMatchObject({ timeline: 2 })
  if (history) expect((await house.plain(target, history)).toString()).toMatch(/^1\t0\/[0-9A-F]+\t/)
}

test.concurrent('a standby that is promoted in the middle of a segment is followed: the old timeline to its end, the new one with its history', async () => {
  await using primary = await startPostgres({ settings: { wal_keep_size: '1GB' } })
  await using standby = await startPostgres({ standbyOf: primary, settings: { wal_keep_size: '1GB' } })
  await using house = await openWalHouse({ pg: standby })
  await house.start('backup-agent', 'uploader')
  await writeWal(primary, 24)
  const switched = await currentLsn(primary)
  await house.state((now) => parseLsn(now.safe.lsn) >= switched)
  await standby.query('postgres', 'SELECT pg_promote()')
  await writeWal(standby, 24)
  const state = await everywhere(house, standby)
  expect(state).toMatchObject({ timeline: 2, status: 'streaming' })
  expect(state.lost).toBeUndefined()
  for (const target of ['north', 'south']) await expectBranch(house, target)
  await loseHistory(house)
  await eventually(() => Promise.all(['north', 'south'].map((target) => expectBranch(house, target))))
})

/** Somebody removed it everywhere, and an uploader saw that: it says that it looks, and a minute later, of the same look, what is gone. */
async function loseHistory({ bus, keys, file }: WalHouse): Promise<void> {
  for (const target of ['north', 'south'])
    for (const key of await keys(target)) if (key.includes('.history.')) await rm(file(target, key))
  const [at, lsn] = [moment(Date.now()), '0/1000000' as Lsn]
  const survey = { sourceId: SOURCE, at, seen: {}, held: {}, gone: [] }
  const surveys = await bus.bucket(WAL_SURVEYS_BUCKET)
  await surveys.put(SOURCE, survey)
  // Longer than from one look of the agent to the next.
  await sleep(35_000)
  const gone = [{ timeline: 2, from: lsn, to: lsn, until: at, since: at, history: true as const }]
  await surveys.put(SOURCE, { ...survey, gone })
}

test.concurrent('after a failover the new primary goes on where the old one stood, although it has no slot', async () => {
  await using primary = await startPostgres({ settings: { wal_keep_size: '1GB' } })
  await using standby = await startPostgres({ standbyOf: primary, settings: { wal_keep_size: '1GB' } })
  await using house = await openWalHouse({ pg: primary })
  await house.start('backup-agent', 'uploader')
  await writeWal(primary, 20)
  const end = await currentLsn(primary)
  await house.state((now) => parseLsn(now.safe.lsn) >= end)
  const replayed = () => standby.query('postgres', `SELECT pg_last_wal_replay_lsn() >= '${lsnText(end)}' AS there`)
  await vi.waitFor(async () => expect(await replayed()).toEqual([{ there: true }]), { timeout: 90_000 })
  await primary.stop('immediate')
  await standby.query('postgres', 'SELECT pg_promote()')
  await house.kill('backup-agent', 'SIGTERM')
  await house.moveTo(standby)
  await writeWal(standby, 20)
  await house.start('backup-agent')
  const state = await everywhere(house, standby)
  expect(state).toMatchObject({ timeline: 2 })
  expect(state.lost).toBeUndefined()
  await expectBranch(house, 'north')
})

function lsnText(lsn: bigint): string {
  return `${(lsn >> 32n).toString(16)}/${(lsn & 0xffffffffn).toString(16)}`
}
