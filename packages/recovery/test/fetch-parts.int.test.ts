import { createHash } from 'node:crypto'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fetchArtifact, fetchParts } from '@lifeboat/recovery/fetch/fetch-artifact.ts'
import { partsInTurn } from '@lifeboat/recovery/fetch/parts-in-turn.ts'
import type { ArtifactName, BackupId, SourceId, TargetId } from '@lifeboat/shared/domain/ids.ts'
import { type Key, partKey } from '@lifeboat/shared/domain/keys.ts'
import { Artifact, type Manifest } from '@lifeboat/shared/domain/manifest.ts'
import { silentLogger } from '@lifeboat/shared/log/logger.ts'
import { wrap } from '@lifeboat/storage/layers/wrap.ts'
import { openMemory } from '@lifeboat/storage/memory.ts'
import type { Target } from '@lifeboat/storage/target.ts'
import { eventually } from '@lifeboat/testkit/eventually.ts'
import { afterAll, beforeAll, expect, test } from 'vitest'

const owner = { sourceId: 'records' as SourceId, backupId: '20260926T020000Z-dump-k3f9qa' as BackupId }

let workDir: string
beforeAll(async () => {
  workDir = await mkdtemp(join(tmpdir(), 'lifeboat-parts-'))
})
afterAll(() => rm(workDir, { recursive: true, force: true }))

/** A target that holds artifacts of these parts, and what was asked of it. */
function targetWith(contents: Readonly<Record<string, readonly string[]>>) {
  const memory = openMemory('aws' as TargetId)
  const bodies = new Map<Key, Awaited<ReturnType<Target['get']>>>()
  const artifacts = Object.entries(contents).map(([name, texts]) => {
    const parts = texts.map((text, no) => {
      memory.objects.set(partKey(owner.sourceId, owner.backupId, name as ArtifactName, no), Buffer.from(text))
      return { no, bytes: text.length, sha256: sha256(text), md5: '0'.repeat(32) }
    })
    const whole = texts.join('')
    return Artifact.parse({
      ...{ name, role: 'database', bytes: whole.length, sha256: sha256(whole), parts, encoding: [] },
    })
  })
  const target = wrap(memory, {
    async get(key, opts) {
      const body = await memory.get(key, opts)
      bodies.set(key, body)
      return body
    },
  })
  const run = { id: 'test' as never, signal: new AbortController().signal, log: silentLogger, report() {} }
  const asked = () => [...bodies.keys()].map((key) => key.split('/').at(-1))
  return { fetcher: { target, run, arrived() {}, workDir }, artifacts, bodies, asked, objects: memory.objects }
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}

function inTurn({ fetcher, artifacts }: ReturnType<typeof targetWith>) {
  const wanted = artifacts.map((artifact) => ({ manifest: owner as Manifest, artifact }))
  return partsInTurn(fetcher, wanted, () => () => {})
}

test('a part that cannot be written leaves no download behind, which would keep its connection and a command line for ever', async () => {
  const { fetcher, artifacts, bodies } = targetWith({ dump: ['x'.repeat(1_000_000)] })
  const nowhere = { ...fetcher, workDir: join(tmpdir(), 'lifeboat-is-not-there') }
  const all = Array.fromAsync(fetchParts(nowhere, owner, artifacts[0] as Artifact, () => {}))
  await expect(all).rejects.toMatchObject({ code: 'ENOENT' })
  expect([...bodies.values()].map(({ destroyed }) => destroyed)).toEqual([true])
})

test('while the last part of an archive is worked on the first of the next is fetched, and no further one', async () => {
  const there = targetWith({ base: ['a', 'b'], next: ['c', 'd'] })
  const [base, next] = there.artifacts as [Artifact, Artifact]
  {
    await using parts = inTurn(there)
    const read: string[] = []
    for await (const file of parts.of(base)) {
      read.push(await readFile(file, 'utf8'))
      if (read.length < 2) continue
      await eventually(() => expect(there.asked()).toEqual(['base.00000', 'base.00001', 'next.00000']))
    }
    for await (const file of parts.of(next)) read.push(await readFile(file, 'utf8'))
    expect(read).toEqual(['a', 'b', 'c', 'd'])
  }
  expect(await readdir(workDir)).toEqual([])
})

test('a damaged part of the next archive is told when its turn comes', async () => {
  const there = targetWith({ base: ['a'], next: ['c'] })
  const [base, next] = there.artifacts as [Artifact, Artifact]
  there.objects.set(partKey(owner.sourceId, owner.backupId, next.name, 0), Buffer.from('?'))
  await using parts = inTurn(there)
  expect(await Array.fromAsync(parts.of(base))).toHaveLength(1)
  await expect(Array.fromAsync(parts.of(next))).rejects.toMatchObject({ code: 'ARTIFACT_DIGEST_MISMATCH' })
})

test('an artifact comes whole through a few blocks whose memory is used again, whatever the size of its parts', async () => {
  const sizes = [2_500_000, 10, 1_700_000, 4_000_000]
  const texts = sizes.map((size, at) => String.fromCharCode(97 + at).repeat(size))
  const { fetcher, artifacts } = targetWith({ base: texts })
  const memory = new Set<unknown>()
  const lengths: number[] = []
  const found = createHash('sha256')
  for await (const block of fetchArtifact(fetcher, owner, artifacts[0] as Artifact, () => {})) {
    memory.add(block.buffer)
    lengths.push(block.length)
    found.update(block)
  }
  expect(found.digest('hex')).toBe(sha256(texts.join('')))
  expect(memory.size).toBe(2)
  // More than a pipe takes without telling when it has read it: that is how its memory is known to be free.
  expect(Math.min(...lengths.slice(0, -1))).toBe(1024 ** 2)
})
