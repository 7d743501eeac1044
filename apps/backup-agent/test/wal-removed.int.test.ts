import { execFile } from 'node:child_process'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { parseLsn, segmentAt } from '@lifeboat/shared/domain/wal.ts'
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
import { digestsOf, expectToldAndAnswered, WITH_BASES as policies } from './wal-losses.ts'

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

/** Everything is off-site, and the agent is away. */
async function keptAndStopped(house: WalHouse, pg: TestPostgres): Promise<{ safe: bigint; before: object }> {
  await house.start('backup-agent', 'uploader')
  await writeWal(pg, 20)
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
