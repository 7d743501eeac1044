import { execFile } from 'node:child_process'
import { readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { Key } from '@lifeboat/shared/domain/keys.ts'
import { parseLsn, parseWalKey, segmentAt, type WalObject } from '@lifeboat/shared/domain/wal.ts'
import { serverOwner, startPostgres, type TestPostgres } from '@lifeboat/testkit/postgres.ts'
import { expect, test } from 'vitest'
import {
  currentLsn,
  everywhere,
  openWalHouse,
  SEGMENT_BYTES,
  safeBeyond,
  serverSegment,
  slotReaches,
  type WalHouse,
  writeWal,
} from './wal-house.ts'
import { askedOf, digestsOf, expectToldAndAnswered, WITH_BASES as policies } from './wal-losses.ts'

const run = promisify(execFile)

test.concurrent('segments that somebody removed from pg_wal behind the slot are told as a hole, WAL goes on behind it, and a base is asked for', async () => {
  await using pg = await startPostgres()
  await using house = await openWalHouse({ pg, policies })
  const { safe, before } = await keptAndStopped(house, pg)
  await writeWal(pg, 60)
  await pg.query('postgres', 'SELECT pg_switch_wal(); CHECKPOINT')
  const removed = segmentAt(1, safe + BigInt(SEGMENT_BYTES), SEGMENT_BYTES)
  await rm(join(pg.dataDir, 'pg_wal', removed))
  await house.start('backup-agent')
  await expectToldAndAnswered(house, new RegExp(`no longer has ${removed}`))
  await goesOn(house, pg)
  expect(await digestsOf(house)).toMatchObject(before)
})

test.concurrent('pg_resetwal -f keeps the slot and the system identifier and removes WAL: a hole is told, WAL goes on behind it, and a base is asked for', async () => {
  await using pg = await startPostgres()
  await using house = await openWalHouse({ pg, policies })
  const { safe, before } = await keptAndStopped(house, pg)
  await writeWal(pg, 60)
  await pg.stop()
  await resetWal(pg)
  await pg.restart()
  expect(await serverSegment(pg, segmentAt(1, safe, SEGMENT_BYTES))).toBeUndefined()
  await house.start('backup-agent')
  await expectToldAndAnswered(house, /no longer has 00000001/)
  await goesOn(house, pg)
  expect(await digestsOf(house)).toMatchObject(before)
})

test.concurrent('WAL that pg_resetwal begins anew before the end of the archive is kept from where the archive ends, and nothing there gets a second content', async () => {
  await using pg = await startPostgres()
  await using house = await openWalHouse({ pg, policies })
  const { safe, before } = await keptAndStopped(house, pg)
  await beginAgainBefore(pg, safe)
  await house.start('backup-agent')
  const waiting = await house.state(({ error }) => error?.code === 'WAL_REWRITTEN')
  expect(waiting.lost?.reason).toMatch(/ends before/)
  expect(await askedOf(house)).toEqual([])
  await writeWal(pg, 60)
  await expectToldAndAnswered(house, /ends before/)
  await goesOn(house, pg)
  await expectNothingTwice(house, before)
})

test.concurrent('it is noticed also when the server has passed the end of the archive while the agent was away', async () => {
  await using pg = await startPostgres()
  await using house = await openWalHouse({ pg, policies })
  const { safe, before } = await keptAndStopped(house, pg)
  await beginAgainBefore(pg, safe)
  await writeWal(pg, 60)
  await house.start('backup-agent')
  await expectToldAndAnswered(house, /other WAL/)
  await goesOn(house, pg)
  await expectNothingTwice(house, before)
})

/** The disk of pg_wal is lost, and with it what the server wrote since its last checkpoint. */
async function beginAgainBefore(pg: TestPostgres, safe: bigint): Promise<void> {
  await pg.stop('immediate')
  const folder = join(pg.dataDir, 'pg_wal')
  const segments = (await readdir(folder)).filter((name) => /^[0-9A-F]{24}$/.test(name))
  for (const name of segments) await rm(join(folder, name))
  await resetWal(pg)
  await pg.restart()
  expect((await currentLsn(pg)) < safe).toBe(true)
}

/** What lay at the target lies there as it was, and no segment has a second object but one that is whole instead of its pieces. */
async function expectNothingTwice(house: WalHouse, before: object): Promise<void> {
  expect(await digestsOf(house)).toMatchObject(before)
  const { lost } = await house.state((now) => now.lost !== undefined)
  const old = new Set(Object.keys(before).flatMap((key) => segmentOf(parseWalKey(key as Key)) ?? []))
  const behind = (await house.keys('north')).filter((key) => !(key in before))
  expect(behind.flatMap((key) => segmentOf(parseWalKey(key as Key)) ?? []).filter((name) => old.has(name))).toEqual([])
  expect(parseLsn(lost?.to ?? '0/0') % BigInt(SEGMENT_BYTES)).toBe(0n)
}

function segmentOf(object: WalObject | undefined): string | undefined {
  return object !== undefined && 'segment' in object ? object.segment : undefined
}

/** Everything is off-site, and the agent is away. */
async function keptAndStopped(house: WalHouse, pg: TestPostgres): Promise<{ safe: bigint; before: object }> {
  await house.start('backup-agent', 'uploader')
  await writeWal(pg, 40)
  const { safe } = await everywhere(house, pg)
  await house.kill('backup-agent', 'SIGTERM')
  return { safe: parseLsn(safe.lsn), before: await digestsOf(house) }
}

async function resetWal(pg: TestPostgres, ...args: string[]): Promise<void> {
  await run(join(pg.binDir, 'pg_resetwal'), ['-f', ...args, '-D', pg.dataDir], { ...serverOwner(), cwd: '/' })
}

async function goesOn(house: WalHouse, pg: TestPostgres): Promise<void> {
  await writeWal(pg, 20)
  const end = await currentLsn(pg)
  await house.state(safeBeyond(end))
  await slotReaches(pg, end)
}
