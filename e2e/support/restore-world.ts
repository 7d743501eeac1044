import { execFile } from 'node:child_process'
import { chmod, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { freePort } from '@lifeboat/testkit/free-port.ts'
import { postgresHooks } from '@lifeboat/testkit/postgres-hooks.ts'
import { AGENT, SOURCE } from '@lifeboat/testkit/world/config.ts'
import { startWorld, type World, type WorldOptions } from '@lifeboat/testkit/world.ts'
import { takeBackup } from './backups.ts'

const run = promisify(execFile)

/** A world whose agent restores on command, with one proven backup of 100 visits, and two operators. */
export interface RestoreWorld extends AsyncDisposable {
  world: World
  backupId: string
  /** The options every command of ann needs. */
  byAnn: string[]
  /** Options that name every hook. */
  hooked: string[]
  /** The age identity that opens its backups. */
  identityFile: string
  /** `lifeboat restore run records` by ann, as JSON. */
  run(more?: readonly string[]): ReturnType<World['cli']>
  keyFile(name: string): string
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
  const { folder, source } = world
  const at = (name: string) => join(folder, name)
  const secret = async (name: string, value: string) => {
    await writeFile(at(name), value, { mode: 0o600 })
    return `file:${at(name)}`
  }
  for (const name of ['ann', 'ben']) {
    const made = await world.cli(['operator', 'key', 'new', name, '--out', at('operators'), '--json'])
    if (made.code !== 0) throw new Error(made.stderr + made.stdout)
  }
  const publicKey = async (name: string) => (await readFile(at(`operators/${name}.operator.pub`), 'utf8')).trim()
  const operators = { ann: await publicKey('ann'), ben: await publicKey('ben') }
  await run('age-keygen', ['-o', at('agent-identity')])
  await chmod(at('agent-identity'), 0o600)
  const recipient = (await run('age-keygen', ['-y', at('agent-identity')])).stdout.trim()
  const superPassword = await secret('super-password', source.postgres.password)
  const serverHooks = Object.entries(clusters ? await postgresHooks(source.postgres, folder) : {})
  const lend = `127.0.0.1:${await freePort()}`
  await world.reconfigure((config) => {
    const agent = config.agents[AGENT as never] as Record<string, unknown>
    agent.restore = {
      ...{ operators, recipient, identity: `file:${at('agent-identity')}`, uploaders: [`http://${lend}`] },
      ...(clusters && { clusters: at('clusters') }),
      hooks: Object.fromEntries([
        ...['stop-app', 'start-app', 'check-app'].map((name) => [name, { command: ['/bin/true'] }]),
        ['fail-app', { command: ['/bin/false'] }],
        ...serverHooks.map(([name, hook]) => [name, { ...hook, timeout: `${hook.timeout}ms` }]),
      ]),
    }
    Object.assign(config.sources[SOURCE as never] as object, {
      restore: {
        ...{ user: source.postgres.user, password: superPassword },
        ...(clusters && { dataDirectory: source.postgres.dataDir }),
      },
    })
    config.uploader = { ...config.uploader, lend }
  })
  await Promise.all((['backup-agent', 'uploader'] as const).map((service) => world.start(service)))
  await source.postgres.query(source.database, 'create table visit as select i as no from generate_series(1, 100) i')
  await source.postgres.query(source.database, `grant select on visit to ${source.user}`)
  const backupId = await takeBackup(world, 'proven')
  const keyFile = (name: string) => at(`operators/${name}.operator.pem`)
  const identityFile = String(world.config.verifier?.identity).replace('file:', '')
  const byAnn = ['--key', keyFile('ann'), '--why', 'rows are gone', '--yes-i-mean', SOURCE, '--drain', '200ms']
  const hooked = ['--stop-hook', 'stop-app', '--start-hook', 'start-app', '--ready-hook', 'check-app']
  const query = (sql: string, database = source.database) => source.postgres.query(database, sql)
  const owned = opening.move()
  return {
    ...{ world, backupId, byAnn, hooked, keyFile, identityFile },
    run: (more = []) => world.cli(['restore', 'run', SOURCE, ...byAnn, '--identity', identityFile, '--json', ...more]),
    visits: async () => (await query('select count(*)::int as rows from visit'))[0].rows,
    lose: async () => void (await query('truncate visit')),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  }
}
