import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { connectSource } from '@lifeboat/postgres/connection.ts'
import type { DrillFinished } from '@lifeboat/shared/bus/messages/drill.ts'
import { Evidence } from '@lifeboat/shared/domain/drill.ts'
import type { Moment } from '@lifeboat/shared/domain/ids.ts'
import { evidenceKey } from '@lifeboat/shared/domain/keys.ts'
import type { WalState } from '@lifeboat/shared/domain/wal.ts'
import { readUnchecked } from '@lifeboat/shared/signing/signing.ts'
import { eventually } from '@lifeboat/testkit/eventually.ts'
import { POLICY, SOURCE, type WorldConfig } from '@lifeboat/testkit/world/config.ts'
import { recoverWorld } from '@lifeboat/testkit/world/recover.ts'
import { startWorld, type World } from '@lifeboat/testkit/world.ts'
import { expect, test } from 'vitest'

const ROWS = 'SELECT count(*)::int AS rows, max(n) AS last FROM precious'

test('rows destroyed by mistake come back out of one target, as they were the moment before, and not one later', async () => {
  await using world = await startWorld({ configure: withBasesAndWal })
  const sql = (text: string) => world.source.postgres.query(world.source.database, text)
  await eventually(async () =>
    expect(await sql('SELECT count(*)::int AS beats FROM lifeboat.heartbeat')).toEqual([{ beats: 1 }]),
  )
  await sql('CREATE TABLE precious (n int PRIMARY KEY); INSERT INTO precious SELECT generate_series(1, 100)')
  await world.json(['backup', 'now', SOURCE, '--policy', 'weekly', '--wait', 'stored'])
  await sql('INSERT INTO precious SELECT generate_series(101, 200)')
  const before = await nowOf(world)
  await sql('INSERT INTO precious VALUES (201)')
  await sql('DELETE FROM precious')
  await offSite(world, await nowOf(world))

  await using recovered = await recoverWorld(world, { from: 'west', wanted: { goal: { to: 'time', time: before } } })
  await using client = await connectSource(recovered.connection(world.source.database), {
    applicationName: 'e2e',
    lockTimeoutMs: 10_000,
  })
  expect((await client.query(ROWS)).rows).toEqual([{ rows: 200, last: 200 }])
  expect(await sql(ROWS)).toEqual([{ rows: 0, last: null }])

  // The same by a drill, to whatever moment it chooses: the agent's own heartbeat says where it came to.
  const drill = await world.json<DrillFinished>(['drill', 'run', SOURCE, '--to-time', 'random', '--wait'])
  expect(drill).toMatchObject({ verdict: 'proven', reasons: [], wal: { verdict: 'proven', reasons: [] } })
  const { checks, recovered: reached } = await evidenceOf(world, drill)
  expect(reached?.to).toEqual(drill.wal?.to)
  expect(checks.find(({ check }) => check === 'heartbeat')).toMatchObject({ answer: 'passed' })
  expect(reached?.heartbeatAt).toBeDefined()
})

async function evidenceOf(world: World, { sourceId, backupId, drillId, targetId }: DrillFinished): Promise<Evidence> {
  const file = join(world.targets[targetId]?.address ?? '', evidenceKey(sourceId, backupId, drillId))
  return Evidence.parse(readUnchecked(await readFile(file, 'utf8'), 'lifeboat-evidence').document)
}

function withBasesAndWal(config: WorldConfig): void {
  const policy = config.policies[POLICY]
  if (policy === undefined) throw new Error('the world has no policy to copy')
  config.policies.weekly = { ...policy, kind: 'base', copies: { required: 3 } }
  config.wal = { [SOURCE]: { targets: [...policy.targets], copies: { required: 3 }, flushEvery: '1s' } }
}

/** A moment with room on both sides: the transactions around it are seconds apart. */
async function nowOf({ source }: World): Promise<Moment> {
  await sleep(1_500)
  const [row] = await source.postgres.query(source.database, 'SELECT clock_timestamp() AS at')
  await sleep(1_500)
  return row.at.toISOString()
}

async function offSite(world: World, moment: Moment): Promise<void> {
  await eventually(async () => {
    const { code, stdout } = await world.cli(['wal', 'status', SOURCE, '--json'])
    const { sources } = JSON.parse(stdout) as { sources: { state?: WalState }[] }
    expect(sources[0]?.state?.safe.at, `exit code ${code}`).toSatisfy((at) => String(at) >= moment)
  })
}
