import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { readBeside } from './beside-note.ts'

test('a note that cannot be read is another thing than none: what was recovered there may be promoted', async () => {
  await using own = new AsyncDisposableStack()
  const folder = await mkdtemp(join(tmpdir(), 'lifeboat-beside-'))
  own.defer(() => rm(folder, { recursive: true }))
  expect(await readBeside(folder)).toBeUndefined()
  expect(await readBeside(join(folder, 'nothing'))).toBeUndefined()
  await mkdir(join(folder, 'lifeboat.json'))
  await expect(readBeside(folder)).rejects.toMatchObject({ code: 'EISDIR' })
})
