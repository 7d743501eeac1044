import { SOURCE } from '@lifeboat/testkit/world/config.ts'
import { byAnn, letRestore, type Operators } from '@lifeboat/testkit/world/operators.ts'
import { startWorld, type World, type WorldOptions } from '@lifeboat/testkit/world.ts'
import { takeBackup } from './backups.ts'

/** A world whose agent restores on command, with one proven backup of 100 visits, and two operators. */
export interface RestoreWorld extends AsyncDisposable, Operators {
  world: World
  backupId: string
  /** The options every command of ann needs. */
  byAnn: string[]
  /** Options that name every hook. */
  hooked: string[]
  /** `lifeboat restore run records` by ann, as JSON. */
  run(more?: readonly string[]): ReturnType<World['cli']>
  visits(): Promise<number>
  lose(): Promise<void>
}

export interface RestoreWorldOptions extends Pick<WorldOptions, 'targets' | 'configure' | 'major'> {
  /** Clusters come back too: beside, and in place by hooks that stop and start the server. */
  clusters?: boolean
}

export async function openRestoreWorld({ clusters = false, ...opts }: RestoreWorldOptions = {}): Promise<RestoreWorld> {
  await using opening = new AsyncDisposableStack()
  const world = opening.use(await startWorld({ ...opts, services: ['scheduler', 'verifier'] }))
  const { source } = world
  const operators = await letRestore(world, { clusters })
  await Promise.all((['backup-agent', 'uploader'] as const).map((service) => world.start(service)))
  await source.postgres.query(source.database, 'create table visit as select i as no from generate_series(1, 100) i')
  await source.postgres.query(source.database, `grant select on visit to ${source.user}`)
  const backupId = await takeBackup(world, 'proven')
  const ann = byAnn(operators)
  const identity = ['--identity', operators.identityFile]
  const hooked = ['--stop-hook', 'stop-app', '--start-hook', 'start-app', '--ready-hook', 'check-app']
  const query = (sql: string, database = source.database) => source.postgres.query(database, sql)
  const owned = opening.move()
  return {
    ...{ world, backupId, byAnn: ann, hooked, ...operators },
    run: (more = []) => world.cli(['restore', 'run', SOURCE, ...ann, ...identity, '--json', ...more]),
    visits: async () => (await query('select count(*)::int as rows from visit'))[0].rows,
    lose: async () => void (await query('truncate visit')),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  }
}
