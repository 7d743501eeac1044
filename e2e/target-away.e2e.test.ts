import { readdir, rename } from 'node:fs/promises'
import { join } from 'node:path'
import { eventually } from '@lifeboat/testkit/eventually.ts'
import { startWorld } from '@lifeboat/testkit/world.ts'
import { expect, test } from 'vitest'
import { show, takeBackup } from './support/backups.ts'

test('a target that was away gets its copy later from one that has it, when the agent is long gone', async () => {
  await using world = await startWorld({ services: ['scheduler', 'backup-agent', 'uploader'] })
  const west = world.targets.west?.address ?? ''
  await rename(west, `${west}.unmounted`)

  const backupId = await takeBackup(world, 'stored')
  expect((await show(world, backupId)).copies).toMatchObject({
    north: { state: 'stored' },
    south: { state: 'stored' },
    west: { state: 'expected' },
  })
  await eventually(async () => expect(await readdir(join(world.folder, 'spool/backups'))).toEqual([]))
  await world.kill('backup-agent', 'SIGKILL')
  await rename(`${west}.unmounted`, west)

  await eventually(async () => expect((await show(world, backupId)).copies.west?.state).toBe('stored'))
})
