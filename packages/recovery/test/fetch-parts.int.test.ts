import { createHash } from 'node:crypto'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fetchParts } from '@lifeboat/recovery/fetch/fetch-artifact.ts'
import type { BackupId, SourceId, TargetId } from '@lifeboat/shared/domain/ids.ts'
import { partKey } from '@lifeboat/shared/domain/keys.ts'
import { Artifact } from '@lifeboat/shared/domain/manifest.ts'
import { silentLogger } from '@lifeboat/shared/log/logger.ts'
import { wrap } from '@lifeboat/storage/layers/wrap.ts'
import { openMemory } from '@lifeboat/storage/memory.ts'
import { expect, test } from 'vitest'

const owner = { sourceId: 'records' as SourceId, backupId: '20260926T020000Z-dump-k3f9qa' as BackupId }

test('a part that cannot be written leaves no download behind, which would keep its connection and a command line for ever', async () => {
  const memory = openMemory('aws' as TargetId)
  const bytes = Buffer.alloc(1_000_000, 'x')
  const sha256 = createHash('sha256').update(bytes).digest('hex')
  const parts = [{ no: 0, bytes: bytes.length, sha256, md5: '0'.repeat(32) }]
  const artifact = Artifact.parse({ name: 'dump', role: 'database', bytes: bytes.length, sha256, parts, encoding: [] })
  memory.objects.set(partKey(owner.sourceId, owner.backupId, artifact.name, 0), bytes)
  const bodies: Awaited<ReturnType<typeof memory.get>>[] = []
  const target = wrap(memory, {
    async get(key, opts) {
      const body = await memory.get(key, opts)
      bodies.push(body)
      return body
    },
  })
  const run = { id: 'test' as never, signal: new AbortController().signal, log: silentLogger, report() {} }
  const fetcher = { target, run, arrived() {}, workDir: join(tmpdir(), 'lifeboat-is-not-there') }
  const all = Array.fromAsync(fetchParts(fetcher, owner, artifact, () => {}))
  await expect(all).rejects.toMatchObject({ code: 'ENOENT' })
  expect(bodies.map(({ destroyed }) => destroyed)).toEqual([true])
})
