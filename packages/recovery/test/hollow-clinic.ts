import { chmod, mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { serverAccount } from '@lifeboat/postgres/scratch/owner.ts'
import type { PlannedCluster } from '@lifeboat/recovery/bare/plan-cluster.ts'
import { recoverCluster } from '@lifeboat/recovery/bare/recover-cluster.ts'
import type { Contents } from '@lifeboat/recovery/extract/extract-backup.ts'
import type { HollowFiles } from '@lifeboat/recovery/extract/hollow.ts'
import { listArchive } from '@lifeboat/recovery/list-archive.ts'
import { planRecovery } from '@lifeboat/recovery/plan/plan.ts'
import { outOfCluster } from '@lifeboat/recovery/tables/out-of-cluster.ts'
import type { Extent } from '@lifeboat/shared/domain/restore-tables.ts'
import { type PostgresOptions, startPostgres, type TestPostgres } from '@lifeboat/testkit/postgres.ts'
import { type SealBaseOptions, type SealedBase, sealBase } from '@lifeboat/testkit/seal-base.ts'
import { sealWal } from '@lifeboat/testkit/seal-wal.ts'
import { openHouse } from './recovery-house.ts'

/** With settings people have: a server of a test writes no full pages otherwise. */
const SETTINGS = { full_page_writes: 'on', autovacuum: 'off', wal_keep_size: '1GB' }

/** What came out, by table, and how much of the backup that took. */
export interface Read {
  tables: Record<string, { rows: number; hash: string }>
  extent: Extent
}

/** A server whose tables come out of its bases as of the newest WAL. */
export interface Clinic extends AsyncDisposable {
  pg: TestPostgres
  sql(text: string, database?: string): Promise<Record<string, unknown>[]>
  seal(more?: Partial<SealBaseOptions>): Promise<SealedBase>
  /** @param chain oldest first */
  read(
    tables: readonly string[],
    chain: readonly SealedBase[],
    how?: { database?: string; whole?: true },
  ): Promise<Read>
  /** Recovers all of the cluster as somebody does who keeps it, whatever is named as hollow. @returns what was left hollow of it */
  keep(base: SealedBase, hollow: HollowFiles): Promise<Pick<Contents, 'hollowBytes'> | undefined>
}

export async function openClinic(options: PostgresOptions = {}): Promise<Clinic> {
  await using opening = new AsyncDisposableStack()
  const house = opening.use(await openHouse())
  const folder = await mkdtemp(join(tmpdir(), 'lifeboat-hollow-'))
  opening.defer(() => rm(folder, { recursive: true, force: true }))
  await chmod(folder, 0o755)
  const pg = opening.use(await startPostgres({ ...options, settings: { ...SETTINGS, ...options.settings } }))
  const place = join(folder, 'cluster')
  const plan = async (manifests: SealedBase['manifest'][]): Promise<PlannedCluster> => {
    // A vacuum does not wait until its WAL is on the disk; a commit does, and what lies before it is there, too.
    await pg.query('postgres', "select pg_logical_emit_message(true, 'clinic', '')")
    await sealWal({ pg, ...house })
    const last = manifests.at(-1) as SealedBase['manifest']
    const archive = await listArchive(house.reader, last.sourceId, { ...last.physical, ...last.server })
    const stock = { backups: manifests, ...archive, now: Date.now() }
    const plan = planRecovery(stock, { goal: { to: 'latest' }, from: last.backupId })
    return { plan, archive, chain: manifests } as unknown as PlannedCluster
  }
  const owned = opening.move()
  return {
    pg,
    sql: (text, database = 'postgres') => pg.query(database, text),
    seal: (more) => sealBase({ pg, database: 'postgres', ...house, ...more }),
    async read(names, chain, { database = 'postgres', whole } = {}) {
      const planned = await plan(chain.map(({ manifest }) => (whole ? unlisted(manifest) : manifest)))
      const wanted = names.map((name) => ({ schema: 'public', name }))
      const how = { folder: place, account: serverAccount(), database, wanted, onPhase() {} }
      const read = await outOfCluster(house.reader, planned, how, async ({ tables }, extent) => ({
        tables: Object.fromEntries(tables.map(({ name, rows, hash }) => [name, { rows, hash }])),
        extent,
      }))
      if ((await readdir(place)).length > 0) throw new Error('something was left')
      return read
    },
    async keep({ manifest }, hollow) {
      let found: Contents | undefined
      const onExtracted = (contents: Contents) => {
        found = contents
      }
      const opts = { folder: join(folder, 'kept'), start: false, hollow, onExtracted, onPhase() {} }
      await recoverCluster(house.reader, await plan([manifest]), opts)
      return found
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  }
}

function unlisted(manifest: SealedBase['manifest']): SealedBase['manifest'] {
  return { ...manifest, artifacts: manifest.artifacts.filter(({ role }) => role !== 'relations') }
}
