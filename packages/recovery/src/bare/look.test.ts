import type { SourceId, TargetId } from '@lifeboat/shared/domain/ids.ts'
import { openMemory } from '@lifeboat/storage/memory.ts'
import { putObjects, smallCopy } from '@lifeboat/testkit/small-copy.ts'
import { expect, test } from 'vitest'
import { look } from './look.ts'

const DAY_MS = 86_400_000
const signal = new AbortController().signal
const sourceId = 'records' as SourceId

test('of one source all its backups are read, and of one backup nothing of the others', async () => {
  const target = openMemory('nas' as TargetId)
  const [older, newer] = [
    smallCopy({ targets: ['nas'], atMs: DAY_MS }),
    smallCopy({ targets: ['nas'], atMs: 2 * DAY_MS }),
  ]
  const other = smallCopy({ targets: ['nas'], sourceId: 'results' })
  for (const { objects } of [newer, older, other]) await putObjects(target, objects)
  const seen = async (only: { backupId?: typeof older.backupId }) => {
    const { backups, objects } = await look({ target, sourceId, signers: undefined, signal, ...only })
    return { ids: backups.map(({ manifest }) => manifest.backupId), objects }
  }
  expect(await seen({})).toEqual({ ids: [older.backupId, newer.backupId], objects: 2 * older.objects.size })
  expect(await seen({ backupId: newer.backupId })).toEqual({ ids: [newer.backupId], objects: newer.objects.size })
})
