import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { DrillFinished } from '@lifeboat/shared/bus/messages/drill.ts'
import { Evidence } from '@lifeboat/shared/domain/drill.ts'
import { evidenceKey } from '@lifeboat/shared/domain/keys.ts'
import { readUnchecked } from '@lifeboat/shared/signing/signing.ts'
import { orNotRun } from '@lifeboat/testkit/conditions.ts'
import { freePort } from '@lifeboat/testkit/free-port.ts'
import { installedMajors } from '@lifeboat/testkit/postgres.ts'
import { askRecovered } from '@lifeboat/testkit/runbooks/hosts.ts'
import { SOURCE, type WorldConfig } from '@lifeboat/testkit/world/config.ts'
import { byAnn, letRestore } from '@lifeboat/testkit/world/operators.ts'
import { offSiteNow, WEEKLY, WEST, withBasesAndWal } from '@lifeboat/testkit/world/physical.ts'
import { startWorld, type World } from '@lifeboat/testkit/world.ts'
import { expect, test } from 'vitest'
import { backUp, show } from './support/backups.ts'

const isAble = orNotRun(
  (installedMajors()[0] ?? 0) >= 17,
  'a story of incrementals through all services',
  'PostgreSQL 17 (`pnpm test:postgres 17`)',
)
const VISITS = 'select count(*)::int as rows from visit'

test.runIf(isAble)(
  'a base and two incrementals are kept together, drilled as one, and lead through WAL to a moment on a signed command',
  async () => {
    const serverSettings = { summarize_wal: 'on' }
    await using world = await startWorld({ configure, serverSettings, services: ['scheduler'] })
    const { postgres, database, user } = world.source
    const sql = (text: string) => postgres.query(database, text)
    const operators = await letRestore(world, { clusters: true })
    await Promise.all((['backup-agent', 'uploader'] as const).map((service) => world.start(service)))
    await sql('create table visit as select i as no from generate_series(1, 100) i')
    await sql(`grant select on visit to ${user}`)
    const chain: string[] = []
    for (const rows of [100, 200, 300]) {
      if (rows > 100) await sql(`insert into visit select generate_series(${rows - 99}, ${rows})`)
      chain.push(...(await backUp(world, [SOURCE, '--policy', WEEKLY], 'stored')))
    }
    const parents = await Promise.all(chain.map(async (id) => (await shownOf(world, id)).physical.parent))
    expect(parents).toEqual([undefined, chain[0], chain[1]])
    await sql('insert into visit select generate_series(301, 350)')
    const moment = await offSiteNow(world)
    await sql('create table somebody_elses ()')
    await sql('truncate visit')
    await offSiteNow(world)

    await world.start('verifier')
    const last = chain.at(-1) ?? ''
    const drill = await world.json<DrillFinished>(['drill', 'run', last, '--to-time', moment, '--wait'])
    expect(drill).toMatchObject({ backupId: last, verdict: 'proven', reasons: [], wal: { verdict: 'proven' } })
    const answers = (await evidenceOf(world, drill)).checks.map(({ check, subject, answer }) => [
      check,
      subject,
      answer,
    ])
    for (const parent of chain.slice(0, 2)) expect(answers).toContainEqual(['restore', parent, 'passed'])
    expect(answers).toContainEqual(['combine', undefined, 'passed'])
    expect(answers).toContainEqual(['heartbeat', 'wal', 'passed'])

    // Only the newest is kept by the rule; it is worth nothing without the two it builds on.
    const plan = await world.json<Plan>(['expiry', 'plan'])
    const copies = plan.sources.flatMap((source) => source.copies).filter(({ backupId }) => chain.includes(backupId))
    expect(copies.map(({ backupId }) => backupId).toSorted()).toEqual(chain.toSorted())
    const kept = new Map(copies.map((copy) => [copy.backupId, copy]))
    expect(kept.get(last)?.do).toBe('keep')
    for (const [index, backupId] of chain.slice(0, -1).entries())
      expect(kept.get(backupId)).toMatchObject({ do: 'keep', reasons: [`${chain[index + 1]} needs it`] })

    const identity = ['--identity', operators.identityFile]
    const port = await freePort()
    const beside = ['--beside', '--port', String(port), '--until', moment]
    const signed = [...byAnn(operators), ...identity]
    expect(await world.json(['restore', 'run', SOURCE, ...signed, ...beside])).toMatchObject({ outcome: 'done' })
    expect(await askRecovered({ port, database, password: postgres.password }, VISITS)).toEqual([{ rows: 350 }])
    expect(await sql(VISITS)).toEqual([{ rows: 0 }])
  },
)

interface Plan {
  sources: { copies: { backupId: string; do: string; reasons: string[] }[] }[]
}

function configure(config: WorldConfig): void {
  withBasesAndWal(config)
  const weekly = config.policies[WEEKLY]
  const target = config.targets[WEST]
  if (weekly === undefined || target?.kind !== 'filesystem') throw new Error('the world has no such policy or target')
  weekly.kind = 'incremental'
  weekly.keep = { last: 1, minAge: '0s' }
  target.removal = { allowed: true }
}

async function shownOf(world: World, backupId: string): Promise<{ physical: { parent?: string } }> {
  return (await show(world, backupId)) as never
}

async function evidenceOf(world: World, { sourceId, backupId, drillId, targetId }: DrillFinished): Promise<Evidence> {
  const file = join(world.targets[targetId]?.address ?? '', evidenceKey(sourceId, backupId, drillId))
  return Evidence.parse(readUnchecked(await readFile(file, 'utf8'), 'lifeboat-evidence').document)
}
