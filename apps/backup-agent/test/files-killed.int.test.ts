import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { BackupSealed } from '@lifeboat/shared/bus/messages/backup.ts'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { type AgentHouse, openAgentHouse } from './agent-house.ts'
import { expectOneTrueBackup, said, spawnAgent } from './agent-process.ts'
import { fakeTar } from './files-house.ts'

let house: AgentHouse
beforeAll(async () => {
  house = await openAgentHouse()
})
afterAll(() => house[Symbol.asyncDispose]())

test('an agent killed while it packs files claims nothing false, and after its restart the run completes', async () => {
  const root = mkdtempSync(join(house.folder, 'tree-'))
  mkdirSync(join(root, 'folder'))
  for (let no = 0; no < 50; no++) writeFileSync(join(root, `folder/file-${no}`), Buffer.alloc(100_000, no))
  const slow = fakeTar(house.folder, `exec /usr/bin/tar --checkpoint=2 --checkpoint-action=exec='sleep 1' "$@"`)
  const cfg = house.config()
  const of = { files: root, policy: { kind: 'files' } }
  const wish = await house.wish(cfg, { kind: 'files' })
  await using first = await spawnAgent(house, cfg, { ...of, toolPaths: [slow] })
  await said(first, '"phase":"files"')
  await first.kill('SIGKILL')
  expect(await house.facts(BackupSealed, (fact) => fact.runId === wish.runId)).toEqual([])
  await using _second = await spawnAgent(house, cfg, of)
  const sealed = await expectOneTrueBackup(house, cfg, wish.runId)
  expect(sealed.files).toMatchObject({ files: 50, chain: 0 })
  const isOver = async () => expect((await house.ledger.get(wish.runId))?.state).toBe('succeeded')
  await vi.waitFor(isOver, { timeout: 150_000, interval: 200 })
  rmSync(root, { recursive: true })
}, 600_000)
