import type { BackupRow } from '@lifeboat/catalog/catalog.ts'
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

/** Asks for a backup and waits until it got as far as `goal`; gives its id. */
export async function takeBackup(world: World, goal: 'stored' | 'proven'): Promise<string> {
  await world.json(['backup', 'now', SOURCE, '--policy', POLICY, '--wait', goal])
  const [newest] = await backupsOf(world)
  if (newest === undefined) throw new Error('a backup was taken but is not in the list')
  return newest.backupId
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
