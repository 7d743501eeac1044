import { setTimeout as sleep } from 'node:timers/promises'
import { startPostgres } from '@lifeboat/testkit/postgres.ts'
import { test } from 'vitest'
import { currentLsn, openWalHouse, safeBeyond, writeWal } from './wal-house.ts'

test('a server that is told to stop does not wait for the flush timer: its last WAL is shipped at once', async () => {
  await using pg = await startPostgres()
  await using house = await openWalHouse({ pg, wal: { flushEvery: '1h', heartbeat: { enabled: false } } })
  await house.start('backup-agent', 'uploader')
  // The first piece goes at once, the next one not before the hour is over.
  await house.state(({ status, safe }) => status === 'streaming' && safe.lsn !== '0/0')
  await writeWal(pg, 1)
  await sleep(1_000)
  await writeWal(pg, 1)
  const last = await currentLsn(pg)
  await pg.stop('fast')
  await house.state(safeBeyond(last))
}, 90_000)
