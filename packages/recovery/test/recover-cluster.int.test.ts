import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connectSource } from '@lifeboat/postgres/connection.ts'
import type { PlannedCluster } from '@lifeboat/recovery/bare/plan-cluster.ts'
import { type ClusterRecovery, recoverCluster } from '@lifeboat/recovery/bare/recover-cluster.ts'
import { listArchive } from '@lifeboat/recovery/list-archive.ts'
import { planRecovery } from '@lifeboat/recovery/plan/plan.ts'
import { wrap } from '@lifeboat/storage/layers/wrap.ts'
import { startPostgres, type TestPostgres } from '@lifeboat/testkit/postgres.ts'
import { sealBase } from '@lifeboat/testkit/seal-base.ts'
import { sealWal } from '@lifeboat/testkit/seal-wal.ts'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { openHouse, type RecoveryHouse } from './recovery-house.ts'

/** Of each artifact that was extracted, whether its files were to be sent to the disk as they were written. */
const sentToDisk: boolean[] = vi.hoisted(() => [])
vi.mock('@lifeboat/recovery/extract/extract-thread.ts', async (importOriginal) => {
  const real = await importOriginal<typeof import('@lifeboat/recovery/extract/extract-thread.ts')>()
  return {
    ...real,
    openExtractThread(): ReturnType<typeof real.openExtractThread> {
      const thread = real.openExtractThread()
      return {
        extract(job, ...rest) {
          sentToDisk.push(job.saved === true)
          return thread.extract(job, ...rest)
        },
        [Symbol.asyncDispose]: () => thread[Symbol.asyncDispose](),
      }
    },
  }
})

let pg: TestPostgres
let house: RecoveryHouse
let planned: PlannedCluster
let folder: string
beforeAll(async () => {
  ;[pg, house] = await Promise.all([startPostgres(), openHouse()])
  folder = await mkdtemp(join(tmpdir(), 'lifeboat-recovered-'))
  const { manifest } = await sealBase({ pg, database: 'postgres', ...house })
  const archive = { wal: [], histories: new Map() }
  const plan = planRecovery({ backups: [manifest], ...archive, now: Date.now() }, { goal: { to: 'end of backup' } })
  planned = { plan, archive, chain: [manifest], told: {} as PlannedCluster['told'] }
})
afterAll(async () => {
  await pg?.[Symbol.asyncDispose]()
  await house?.[Symbol.asyncDispose]()
  await rm(folder, { recursive: true, force: true })
})

/** Recovers it and looks whether its server would survive a crash. */
async function recovered(how: Pick<ClusterRecovery, 'kept'>, answer: 'promote' | 'discard') {
  const phases: string[] = []
  let fsync: unknown
  sentToDisk.length = 0
  const back = await recoverCluster(house.reader, planned, {
    ...{ ...how, folder, start: false, onPhase: (phase) => void phases.push(phase) },
    async inspect({ connection }) {
      await using client = await connectSource(connection, { applicationName: 'test', lockTimeoutMs: 1000 })
      fsync = (await client.query('show fsync')).rows[0]?.fsync
      return answer
    },
  })
  return { back, phases, fsync, sentToDisk: new Set(sentToDisk), left: await readdir(folder) }
}

test('a cluster that is only looked at is neither saved nor verified, and gone whatever the look says', async () => {
  expect(await recovered({ kept: false }, 'promote')).toEqual({
    ...{ back: undefined, phases: ['extract', 'replay'], fsync: 'off', sentToDisk: new Set([false]), left: [] },
  })
})

test('a cluster that may be kept is verified and saved, until somebody discards it', async () => {
  expect(await recovered({}, 'discard')).toEqual({
    ...{ back: undefined, phases: ['extract', 'verify', 'replay'], fsync: 'on', sentToDisk: new Set([true]), left: [] },
  })
})

test('WAL is fetched while the files are extracted, not only when the replay asks for it', async () => {
  const [manifest] = planned.chain
  await pg.query('postgres', 'create table later ()')
  await sealWal({ pg, ...house })
  const archive = await listArchive(house.reader, manifest.sourceId, { ...manifest.physical, ...manifest.server })
  const plan = planRecovery({ backups: [manifest], ...archive, now: Date.now() }, { goal: { to: 'latest' } })
  const said: string[] = []
  const target = wrap(house.target, {
    get(key, opts) {
      said.push(key.includes('/wal/') ? 'WAL' : 'backup')
      return house.target.get(key, opts)
    },
  })
  await recoverCluster(
    { ...house.reader, target },
    { ...planned, plan, archive },
    {
      ...{ folder, start: false, kept: false, onPhase: (phase) => void said.push(phase) },
    },
  )
  expect(said.slice(0, said.indexOf('replay'))).toContain('WAL')
})
