import type { BackupRow } from '@lifeboat/catalog/catalog.ts'
import { KvCatalog } from '@lifeboat/catalog/kv-catalog.ts'
import { connectBus } from '@lifeboat/shared/bus/nats-bus.ts'
import { silentLogger } from '@lifeboat/shared/log/logger.ts'
import { until } from '@lifeboat/testkit/eventually.ts'
import { POLICY, SOURCE } from '@lifeboat/testkit/world/config.ts'
import type { World } from '@lifeboat/testkit/world.ts'
import { vi } from 'vitest'

/** What `backup show --json` tells that the stories look at. */
export interface ShownBackup {
  backupId: string
  state: string
  copies: Record<string, { state: string; lastDrill?: { verdict: string; reasons: string[] } }>
}

export async function backupsOf(world: World): Promise<BackupRow[]> {
  return (await world.json<{ backups: BackupRow[] }>(['backup', 'list', '--all'])).backups
}

export function show(world: World, backupId: string): Promise<ShownBackup> {
  return world.json<ShownBackup>(['backup', 'show', backupId])
}

type Goal = 'stored' | 'proven'

/** Asks for a dump of the database and waits until it got as far as `goal`; gives its id. */
export async function takeBackup(world: World, goal: Goal): Promise<string> {
  const [backupId] = await backUp(world, [SOURCE, '--policy', POLICY], goal)
  return backupId as string
}

/**
 * Asks for backups and waits until they got as far as `goal`, for the catalogue too: a command line hears of it before a scheduler has noted it.
 *
 * @param wanted what `backup now` is told
 * @returns their ids
 */
export async function backUp(world: World, wanted: readonly string[], goal: Goal): Promise<string[]> {
  const { runs } = await world.json<{ runs: { backupId: string }[] }>(['backup', 'now', ...wanted, '--wait', goal])
  const ids = runs.map(({ backupId }) => backupId)
  await using bus = await connectBus({ servers: [world.nats.url], name: 'test', log: silentLogger })
  const catalog = await KvCatalog.open(bus)
  const reached = ({ state }: BackupRow) => state === 'proven' || state === goal
  await until(
    async () => (await catalog.list({ limit: 1000 })).filter(reached).map(({ backupId }): string => backupId),
    (there) => ids.every((id) => there.includes(id)),
  )
  return ids
}

/** Resolves when the instance has logged this event. */
export async function logged(
  world: World,
  name: string,
  event: string,
  fields: Record<string, unknown> = {},
): Promise<void> {
  await vi.waitFor(
    () => {
      const found = world
        .logOf(name)
        .some((line) => line.event === event && Object.entries(fields).every(([key, value]) => line[key] === value))
      if (!found) throw new Error(`${name} has not logged ${event} ${JSON.stringify(fields)}`)
    },
    { timeout: 240_000, interval: 20 },
  )
}
