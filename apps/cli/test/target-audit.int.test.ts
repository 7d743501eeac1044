import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { KvCatalog } from '@lifeboat/catalog/kv-catalog.ts'
import type { TargetId } from '@lifeboat/shared/domain/ids.ts'
import { openFilesystem } from '@lifeboat/storage/filesystem.ts'
import { putObjects, smallCopy } from '@lifeboat/testkit/small-copy.ts'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { startFleet, type TestFleet } from './fleet.ts'
import { cli } from './run-cli.ts'

let fleet: TestFleet
beforeEach(async () => {
  fleet = await startFleet()
})
afterEach(() => fleet[Symbol.asyncDispose]())

test('an audit that lists finds nothing wrong where one that reads finds the flipped byte, tells it and asks for it to be made whole', async () => {
  const copies = [2, 1].map((hours) => smallCopy({ targets: ['aws'], atMs: Date.now() - hours * 3_600_000 }))
  await mkdir(join(fleet.dir, 'aws'))
  await using aws = await openFilesystem(
    'aws' as TargetId,
    { kind: 'filesystem', path: join(fleet.dir, 'aws'), prefix: '' } as never,
  )
  const catalog = await KvCatalog.open(fleet.bus)
  await putObjects(aws, [['lifeboat.json', Buffer.from('{}')]])
  for (const copy of copies) {
    await putObjects(aws, copy.objects)
    await catalog.apply({ subject: 'backup.sealed', data: copy.sealed })
    await catalog.apply({ subject: 'copy.stored', data: copy.stored('aws') })
  }
  const [bad] = copies
  const path = join(fleet.dir, 'aws', bad?.partKeys[1] ?? '')
  const bytes = await readFile(path)
  bytes[99] = (bytes[99] ?? 0) ^ 1
  await writeFile(path, bytes)

  expect((await cli(fleet.dir, ['target', 'audit', 'aws'])).code).toBe(0)
  const deep = await cli(fleet.dir, ['target', 'audit', 'aws', '--all'])
  expect(deep.code).toBe(7)
  expect(deep.err).toMatch(/read aws {2}\d+ % of /)
  expect(deep.out).toContain('2 copies read, ')
  expect(deep.out).toContain(`damaged: ${bad?.backupId} of records: the bytes of db.dump.zst.age.00001 are not those`)
  const json = await cli(fleet.dir, ['target', 'audit', 'aws', '--all', '--json'])
  expect(JSON.parse(json.out)[0].read).toMatchObject({
    copies: 2,
    bad: [{ backupId: bad?.backupId, found: 'damaged' }],
  })
  const [, gone] = copies
  await rm(join(fleet.dir, 'aws', [...(gone?.objects.keys() ?? [])].at(-1) ?? ''))
  const listed = await cli(fleet.dir, ['target', 'audit', 'aws'])
  expect(listed.out).toContain(`missing: ${gone?.backupId} of records: its manifest is not there`)
  const subjects: string[] = []
  for await (const { subject } of fleet.bus.observe({ signal: AbortSignal.timeout(20_000), follow: false }))
    subjects.push(subject)
  expect(subjects.filter((subject) => subject.includes('copy.audited'))).toHaveLength(5)
  expect(subjects.filter((subject) => subject.includes('copy.remake-requested'))).toHaveLength(3)
})
