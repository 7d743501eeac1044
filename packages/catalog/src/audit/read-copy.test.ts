import type { TargetId } from '@lifeboat/shared/domain/ids.ts'
import { manifestKey } from '@lifeboat/shared/domain/keys.ts'
import { openMemory } from '@lifeboat/storage/memory.ts'
import { putObjects, smallCopy, spoil } from '@lifeboat/testkit/small-copy.ts'
import { expect, test } from 'vitest'
import { readCopy } from './read-copy.ts'

async function read(
  wrong: (at: { target: ReturnType<typeof openMemory>; copy: ReturnType<typeof smallCopy> }) => unknown,
) {
  const target = openMemory('aws' as TargetId)
  const copy = smallCopy({ targets: ['aws'] })
  await putObjects(target, copy.objects)
  await wrong({ target, copy })
  const { sourceId, backupId, manifest } = copy.sealed
  let seen = 0
  const announced = { sourceId, backupId, manifestSha256: manifest.sha256 as never }
  const reading = await readCopy(target, announced, {
    signal: new AbortController().signal,
    progress: (bytes) => {
      seen += bytes
    },
  })
  expect(seen).toBe(reading.bytes)
  return reading
}

test('every byte of a whole copy is read, and it is whole', async () => {
  expect(await read(() => {})).toEqual({ found: 'whole', bytes: expect.any(Number) })
  expect((await read(() => {})).bytes).toBeGreaterThan(10_000)
})

test('one flipped byte, a part or a document that is gone, and a manifest of somebody else are each told', async () => {
  const damaged = async (wrong: Parameters<typeof read>[0]) => {
    const { found, problem } = await read(wrong)
    return `${found}: ${problem}`
  }
  const part = (copy: ReturnType<typeof smallCopy>) => copy.partKeys[1] as string
  expect(await damaged(({ target, copy }) => spoil(target, part(copy)))).toBe(
    'damaged: the bytes of db.dump.zst.age.00001 are not those of the manifest',
  )
  expect(await damaged(({ target, copy }) => target.objects.delete(part(copy)))).toBe(
    'damaged: db.dump.zst.age.00001 is not there',
  )
  const document = (copy: ReturnType<typeof smallCopy>) => part(copy).replace('db.dump.zst.age.00001', 'RECOVER.md')
  expect(await damaged(({ target, copy }) => spoil(target, document(copy)))).toMatch(/RECOVER.md are not those/)
  const manifest = (copy: ReturnType<typeof smallCopy>) => manifestKey(copy.sealed.sourceId, copy.backupId)
  const other = smallCopy({ targets: ['aws'] })
  expect(
    await damaged(({ target, copy }) =>
      target.objects.set(manifest(copy), other.objects.get(manifest(other)) as Buffer),
    ),
  ).toBe('damaged: its manifest is not the one that was announced')
  expect(await damaged(({ target, copy }) => target.objects.delete(manifest(copy)))).toBe(
    'missing: its manifest is not there',
  )
})
