import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { BackupSealed, BackupUnchanged } from '@lifeboat/shared/bus/messages/backup.ts'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type AgentHouse, openAgentHouse } from './agent-house.ts'
import { openFilesHouse } from './files-house.ts'

let house: AgentHouse
beforeAll(async () => {
  house = await openAgentHouse()
})
afterAll(() => house[Symbol.asyncDispose]())

test('a change is backed up when it has come to rest, and a run that finds nothing changed refers to that backup', async () => {
  await using files = await openFilesHouse(house, {
    policy: { schedule: { cron: '0 2 * * *', onChange: { every: '1s' } } },
  })
  writeFileSync(join(files.root, 'app.yaml'), 'a: 1')
  const first = await house.fact(BackupSealed, ({ runId }) => runId.endsWith('-change'))
  expect(first.files).toMatchObject({ files: 1 })
  writeFileSync(join(files.root, 'app.yaml'), 'a: 22')
  const second = await house.fact(
    BackupSealed,
    ({ backupId, runId }) => runId.endsWith('-change') && backupId > first.backupId,
  )
  await files.noteSealed(second)
  const { runId } = await files.wish()
  const fact = await house.fact(BackupUnchanged, (each) => each.runId === runId)
  expect(fact.backupId).toBe(second.backupId)
  // The ledger follows the fact.
  await expect
    .poll(() => house.ledger.get(runId))
    .toMatchObject({
      backupId: second.backupId,
      reason: `nothing changed since ${second.backupId}`,
    })
})
