import { KvCatalog } from '@lifeboat/catalog/kv-catalog.ts'
import { CopyAudited, CopyRemade, CopyRemakeRequested } from '@lifeboat/shared/bus/messages/audit.ts'
import { CopyStored } from '@lifeboat/shared/bus/messages/copy.ts'
import { moment, type TargetId } from '@lifeboat/shared/domain/ids.ts'
import { manifestKey } from '@lifeboat/shared/domain/keys.ts'
import { openMemory } from '@lifeboat/storage/memory.ts'
import { LEAST_MOVED_BYTES, moveMark } from '@lifeboat/storage/move-mark.ts'
import type { ContentRole } from '@lifeboat/storage/target.ts'
import { expect, test } from 'vitest'
import { spoolBackup } from './support/backup.ts'
import { startFleet } from './support/fleet.ts'

const MOVES = { class: 'STANDARD_IA', days: { dump: 30 } }

test.concurrent('a copy that is gone altogether is made anew from another target, the manifest last', async () => {
  await using at = await startPlace({ mayRemove: false })
  at.aws.objects.clear()
  await at.remake('nothing of it is there')
  const [remade] = await at.fleet.whenFacts(CopyRemade, 1)
  expect(remade).toMatchObject({ objects: at.backup.copy.size, from: ['gcp'] })
  expect(at.isWhole()).toBe(true)
  expect([...at.aws.objects.keys()].at(-1)).toBe(at.manifest)
})

test.concurrent('what is made anew is marked like the first: parts may be moved by age, documents and the manifest never', async () => {
  await using at = await startPlace({ mayRemove: false })
  const marks = () =>
    new Map(
      at.puts
        .splice(0)
        .map(({ key, role }) => [key, moveMark(MOVES, key, { role, bytes: LEAST_MOVED_BYTES })?.kind] as const),
    )
  const first = marks()
  at.aws.objects.clear()
  await at.remake('nothing of it is there')
  await at.fleet.whenFacts(CopyRemade, 1)
  const again = marks()
  for (const key of at.backup.copy.keys()) expect([key, first.get(key)]).toEqual([key, again.get(key)])
  const moving = [...again].filter(([, kind]) => kind === 'dump').map(([key]) => key)
  expect(moving.sort()).toEqual([...at.backup.copy.keys()].filter((key) => /\.\d{5}$/.test(key ?? '')).sort())
  expect(again.get(at.manifest)).toBeUndefined()
})

test.concurrent('a flipped bit is found by reading, removed where that is allowed, and its part put anew', async () => {
  await using at = await startPlace({ mayRemove: true })
  at.flip(at.backup.keyOfPart(1))
  await at.remake('a part is wrong')
  expect((await at.fleet.whenFacts(CopyRemade, 1))[0]).toMatchObject({ objects: 1, from: ['gcp'] })
  expect(at.isWhole()).toBe(true)
})

test.concurrent('a flipped bit where nothing may be removed stays, and is told', async () => {
  await using at = await startPlace({ mayRemove: false })
  at.flip(at.backup.keyOfPart(1))
  await at.remake('a part is wrong')
  const [audited] = await at.fleet.whenFacts(CopyAudited, 1)
  expect(audited).toMatchObject({ found: 'damaged', problem: expect.stringMatching(/00001 is wrong and cannot/) })
  expect(await at.fleet.facts(CopyRemade)).toEqual([])
})

test.concurrent('a flipped bit in a part the store holds stays, and is told', async () => {
  await using at = await startPlace({ mayRemove: true })
  at.flip(at.backup.keyOfPart(1))
  at.aws.locked.add(at.backup.keyOfPart(1))
  await at.remake('a part is wrong')
  const [audited] = await at.fleet.whenFacts(CopyAudited, 1)
  expect(audited).toMatchObject({
    found: 'damaged',
    problem: expect.stringMatching(/00001 is wrong .* the store holds it/),
  })
})

test.concurrent('a manifest that somebody else wrote is replaced by the one its agent announced', async () => {
  await using at = await startPlace({ mayRemove: true })
  at.aws.objects.set(at.manifest, Buffer.from('{"payload":"e30"}'))
  await at.remake('the manifest is not the one that was announced')
  await at.fleet.whenFacts(CopyRemade, 1)
  expect(at.isWhole()).toBe(true)
})

async function startPlace({ mayRemove }: { mayRemove: boolean }) {
  const stack = new AsyncDisposableStack()
  const fleet = stack.use(await startFleet())
  const [aws, gcp] = [openMemory('aws' as TargetId), openMemory('gcp' as TargetId)]
  const puts: { key: string; role: ContentRole }[] = []
  const { put } = aws
  aws.put = (key, body, opts) => {
    puts.push({ key, role: opts.role })
    return put(key, body, opts)
  }
  await fleet.uploader([aws, gcp], { mayRemove })
  const backup = await spoolBackup(fleet.spool, { targets: ['aws', 'gcp'] })
  await fleet.announce(backup)
  const stored = await fleet.whenFacts(CopyStored, 2)
  const catalog = await KvCatalog.open(fleet.bus)
  await catalog.apply({ subject: 'backup.sealed', data: backup.sealed })
  for (const data of stored) await catalog.apply({ subject: 'copy.stored', data })
  // The agent has let it go: what is needed comes from the other target.
  backup.release()
  const { sourceId, backupId } = backup.sealed
  return {
    ...{ fleet, aws, backup, puts },
    manifest: manifestKey(sourceId, backupId),
    flip(key: string) {
      const bytes = Buffer.from(aws.objects.get(key) as Buffer)
      bytes[7] = (bytes[7] ?? 0) ^ 1
      aws.objects.set(key, bytes)
    },
    isWhole: () => [...backup.copy].every(([key, bytes]) => aws.objects.get(key)?.equals(bytes)),
    async remake(reason: string) {
      const about = { sourceId, backupId, targetId: aws.id }
      await fleet.bus.publish(CopyRemakeRequested, { ...about, reason, requestedAt: moment(Date.now()) })
    },
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  }
}
