import { execFile } from 'node:child_process'
import { chmod, cp, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { connectSource } from '@lifeboat/postgres/connection.ts'
import { Secret } from '@lifeboat/shared/config/secret.ts'
import type { WalState } from '@lifeboat/shared/domain/wal.ts'
import { eventually } from '@lifeboat/testkit/eventually.ts'
import { freePort } from '@lifeboat/testkit/free-port.ts'
import { startPostgres } from '@lifeboat/testkit/postgres.ts'
import { POLICY, SOURCE, type WorldConfig } from '@lifeboat/testkit/world/config.ts'
import { type Finished, runLifeboat } from '@lifeboat/testkit/world/processes.ts'
import { startWorld, type World } from '@lifeboat/testkit/world.ts'
import { expect, test } from 'vitest'

const run = promisify(execFile)
const HASH = 'SELECT count(*)::int AS rows, sum(hashtext(v::text)) AS hash FROM validation_results v'

test('when everything but one bucket and the key is gone, an empty host brings back the database and the whole cluster', async () => {
  await using host = await emptyHost()
  const lost = await liveAndLoseEverything(host.path)
  const recover = (args: readonly string[], env: Record<string, string> = {}) => bareRecover(host.path, lost, args, env)

  const listed = await recover(['--json'])
  expect(JSON.parse(listed.stdout)).toMatchObject({
    signatures: 'checked',
    distrusted: [],
    backups: [
      { kind: 'base', proven: true },
      { kind: 'dump', proven: true },
    ],
  })

  await using server = await startPostgres()
  const address = `postgres://${server.user}@${server.host}:${server.port}/postgres`
  const dump = await recover(['--dump', '--server', address], { PGPASSWORD: server.password })
  expect(dump.code, dump.stderr).toBe(0)
  expect(await server.query(lost.database, HASH)).toEqual(lost.before)

  const [folder, port] = [join(host.path, 'cluster'), await freePort()]
  const cluster = await recover(['--to', folder, '--port', String(port), '--start'])
  expect(cluster.code, cluster.stderr).toBe(0)
  await using _stopped = stoppedInTheEnd(join(folder, 'data'), server.binDir)
  await using client = await connectSource(
    {
      ...{ host: '127.0.0.1', port, database: lost.database, user: 'postgres', sslmode: 'disable' },
      password: new Secret(lost.password),
    },
    { applicationName: 'e2e', lockTimeoutMs: 10_000 },
  )
  expect((await client.query(HASH)).rows).toEqual(lost.before)
  expect((await client.query('SELECT n FROM written_last')).rows).toEqual([{ n: 1 }])
})

interface Lost {
  database: string
  password: string
  /** The lines of `signers`, which stand in a safe with the key. */
  signers: Readonly<Record<string, string>>
  before: unknown[]
}

/** A fleet with a dump, a base and WAL; then only a copy of one bucket and of the key is left. */
async function liveAndLoseEverything(host: string): Promise<Lost> {
  await using world = await startWorld({ configure: withBasesAndWal })
  const { postgres, database } = world.source
  await world.json(['backup', 'now', SOURCE, '--policy', POLICY, '--wait', 'proven'])
  await world.json(['backup', 'now', SOURCE, '--policy', 'weekly', '--wait', 'proven'])
  await postgres.query(database, 'CREATE TABLE written_last AS SELECT 1 AS n')
  const [{ at }] = await postgres.query(database, 'SELECT clock_timestamp() AS at')
  await offSite(world, at.toISOString())
  const before = await postgres.query(database, HASH)
  for (const service of ['scheduler', 'backup-agent', 'uploader', 'verifier', 'alerter'])
    await world.kill(service, 'SIGKILL')
  await cp(world.targets.west?.address ?? '', join(host, 'bucket'), { recursive: true })
  await cp(join(world.folder, 'keys/age-identity'), join(host, 'identity'))
  return { database, password: postgres.password, signers: world.config.signers, before }
}

function bareRecover(
  host: string,
  { signers }: Lost,
  args: readonly string[],
  env: Record<string, string>,
): Promise<Finished> {
  const trusted = Object.entries(signers).map(([name, key]) => `${name}=${key}`)
  const from = [
    '--from',
    `file://${join(host, 'bucket')}`,
    '--identity',
    join(host, 'identity'),
    '--signer',
    ...trusted,
  ]
  return runLifeboat(['recover', ...from, ...args], { configPath: join(host, 'there-is-none.yaml'), env })
}

/** One target, which every drill asks. */
function withBasesAndWal(config: WorldConfig): void {
  const policy = config.policies[POLICY]
  if (policy === undefined) throw new Error('the world has no policy to copy')
  policy.targets = ['west']
  policy.copies = { required: 1 }
  config.policies.weekly = { ...policy, kind: 'base' }
  config.wal = { [SOURCE]: { targets: ['west'], copies: { required: 1 }, flushEvery: '1s' } }
}

async function offSite(world: World, moment: string): Promise<void> {
  await eventually(async () => {
    const { stdout } = await world.cli(['wal', 'status', SOURCE, '--json'])
    const { sources } = JSON.parse(stdout) as { sources: { state?: WalState }[] }
    expect(sources[0]?.state?.safe.at).toSatisfy((at) => String(at) >= moment)
  })
}

async function emptyHost(): Promise<{ path: string } & AsyncDisposable> {
  const path = await mkdtemp(join(tmpdir(), 'lifeboat-host-'))
  await chmod(path, 0o755)
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) }
}

function stoppedInTheEnd(dataDir: string, binDir: string): AsyncDisposable {
  return {
    async [Symbol.asyncDispose]() {
      const owner = process.getuid?.() === 0 ? { uid: Number((await run('id', ['-u', 'postgres'])).stdout) } : {}
      await run(join(binDir, 'pg_ctl'), ['-D', dataDir, '-m', 'immediate', 'stop'], { ...owner, cwd: '/' })
    },
  }
}
