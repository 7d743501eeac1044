import type { BackupId, SourceId } from '@lifeboat/shared/domain/ids.ts'
import { backupPrefix } from '@lifeboat/shared/domain/keys.ts'
import { eventually } from '@lifeboat/testkit/eventually.ts'
import { SOURCE } from '@lifeboat/testkit/world/config.ts'
import { flipByte, openTargetOf } from '@lifeboat/testkit/world/tamper.ts'
import { startWorld } from '@lifeboat/testkit/world.ts'
import { expect, test } from 'vitest'
import { show, takeBackup } from './support/backups.ts'

test('each cloud is proven by a drill of its own, and one flipped byte at one of them is found and mailed', async () => {
  await using world = await startWorld({ targets: { aws: 's3', gcs: 'gcs', azure: 'azure' } })
  const backupId = await takeBackup(world, 'stored')
  await eventually(async () =>
    expect(Object.values((await show(world, backupId)).copies).map(({ state }) => state)).not.toContain('expected'),
  )
  for (const target of ['aws', 'gcs', 'azure']) {
    await world.json(['drill', 'run', backupId, '--target', target, '--wait'])
  }
  await eventually(async () =>
    expect((await show(world, backupId)).copies).toMatchObject({
      aws: { state: 'proven' },
      gcs: { state: 'proven' },
      azure: { state: 'proven' },
    }),
  )

  await using aws = await openTargetOf(world, 'aws')
  await flipByte(aws, backupPrefix(SOURCE as SourceId, backupId as BackupId))
  const { code } = await world.cli(['drill', 'run', backupId, '--target', 'aws', '--wait'])
  expect(code).toBe(7)
  const { copies } = await eventually(async () => {
    const shown = await show(world, backupId)
    expect(shown.copies.aws?.state).toBe('disproven')
    return shown
  })
  expect(copies.gcs?.state).toBe('proven')
  const mail = await world.smtp.waitForMail(({ subject }) => subject.includes('on aws failed its drill'), {
    withinMs: 240_000,
  })
  expect(mail.text).toContain('aws')
})
