import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import type { BackupId, SourceId } from '@lifeboat/shared/domain/ids.ts'
import { expect, test } from 'vitest'
import { manifestShelf } from '../src/physical/manifest-shelf.ts'

const SOURCE = 'records' as SourceId
const ids = [1, 2, 3].map((day) => `2026110${day}T000000Z-base-aaaaaa` as BackupId)
const manifest = (identifier: string) =>
  Readable.from([
    Buffer.from('{ "PostgreSQL-Backup-Manifest-Version": 2,\n"System-'),
    Buffer.from(`Identifier": ${identifier},\n"Files": []}`),
  ])

test('manifests stay on the shelf until newer ones push them off, and half of one never counts', async () => {
  const spool = await mkdtemp(join(tmpdir(), 'lifeboat-shelf-'))
  const shelf = await manifestShelf(spool, SOURCE)
  for (const id of ids) await shelf.keep(id, manifest('18446744073709551615'))
  const breaking = async function* () {
    yield Buffer.from('{ "Poster')
    throw new Error('the connection is gone')
  }
  await expect(shelf.keep('20261109T000000Z-base-bbbbbb' as BackupId, breaking())).rejects.toThrow('gone')
  await writeFile(join(spool, 'parents', SOURCE, 'left.backup_manifest.partial'), 'of a process that was killed')
  await shelf.prune(2)
  const again = await manifestShelf(spool, SOURCE)
  expect([...(await again.known())]).toEqual(
    ids.slice(1).map((id) => [id, { systemIdentifier: '18446744073709551615' }]),
  )
  expect(await readdir(join(spool, 'parents', SOURCE))).toHaveLength(2)
  await rm(spool, { recursive: true })
})
