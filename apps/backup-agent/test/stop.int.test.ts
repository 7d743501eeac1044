import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { startPostgres, type TestPostgres } from '@lifeboat/testkit/postgres.ts'
import { expect, test } from 'vitest'
import { currentLsn, openWalHouse, safeBeyond, type WalHouse, writeWal } from './wal-house.ts'

const run = promisify(execFile)

/** An agent that keeps WAL, and nothing wrong with it. */
async function streaming(house: WalHouse, pg: TestPostgres): Promise<void> {
  await house.start('backup-agent', 'uploader')
  await writeWal(pg, 1)
  await house.state(safeBeyond(await currentLsn(pg)))
}

async function stop(house: WalHouse) {
  const agent = house.running.get('backup-agent')
  const ended = await agent?.kill('SIGTERM')
  return { ...ended, hung: agent?.log().includes('service.hung') }
}

/** The whole server, every process of it: connections stay open and nothing is answered any more. */
async function freeze(pg: TestPostgres): Promise<Disposable> {
  const [pid = ''] = (await readFile(join(pg.dataDir, 'postmaster.pid'), 'utf8')).split('\n')
  // Their parent first: from then on none comes, and none that ends is gone.
  process.kill(Number(pid), 'SIGSTOP')
  const { stdout } = await run('pgrep', ['-P', pid])
  const children = stdout.trim().split('\n').map(Number)
  for (const one of children) process.kill(one, 'SIGSTOP')
  const all = [...children, Number(pid)]
  return { [Symbol.dispose]: () => all.forEach((one) => void process.kill(one, 'SIGCONT')) }
}

test.concurrent('an agent told to stop ends although PostgreSQL does not answer', async () => {
  await using pg = await startPostgres()
  await using house = await openWalHouse({ pg, wal: { heartbeat: { enabled: true, every: '1s' } } })
  await streaming(house, pg)
  using _frozen = await freeze(pg)
  // Long enough for questions to hang.
  await sleep(5_000)
  expect(await stop(house)).toEqual({ code: 0, signal: null, hung: false })
})

test.concurrent('an agent told to stop ends although NATS has been away for long', async () => {
  await using pg = await startPostgres()
  await using house = await openWalHouse({ pg })
  await streaming(house, pg)
  await house.nats.stop()
  // Renewals of its name fall due meanwhile, each more patient than the pause between them.
  await sleep(25_000)
  expect(await stop(house)).toEqual({ code: 0, signal: null, hung: false })
})
