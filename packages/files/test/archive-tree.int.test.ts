import { mkdirSync, mkdtempSync, readdirSync, readlinkSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { zstdDecompressSync } from 'node:zlib'
import type { Sink } from '@lifeboat/postgres/pipeline/run-pipeline.ts'
import { encrypted } from '@lifeboat/shared/age/encrypt.ts'
import { silentLogger } from '@lifeboat/shared/log/logger.ts'
import { orNotRun } from '@lifeboat/testkit/conditions.ts'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { archiveTree } from '../src/take/archive-tree.ts'
import { tarCreate } from '../src/take/tar-create.ts'

/** More than a pipe holds, the list of them too. */
const FILES = 3_000

let folder: string
let root: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'lifeboat-archive-'))
  root = join(folder, 'tree')
  mkdirSync(root)
  for (let no = 0; no < FILES; no++) writeFileSync(join(root, `file-${no}`), `contents of file ${no}`)
})
afterAll(() => rmSync(folder, { recursive: true }))

/** A sink that keeps what it is given, and whether it saw the end. */
function keeping() {
  const chunks: Buffer[] = []
  const kept = { ended: false, bytes: () => Buffer.concat(chunks) }
  const sink: Sink<number> = async (bytes) => {
    for await (const chunk of bytes) chunks.push(Buffer.from(chunk))
    kept.ended = true
    return chunks.length
  }
  return { sink, kept }
}

const full: Sink<number> = async (bytes) => {
  for await (const _ of bytes) break
  throw new Error('the spool is full')
}
/** Its first bytes are none of those it is given. */
const fullOfHead: Sink<number> = (bytes) => full(encrypted(bytes, []))

function archive(archive: Sink<number>, list: Sink<number>, tar = 'tar', signal = new AbortController().signal) {
  const stage = tarCreate({ program: tar, root, oneFilesystem: true, excludes: [], attributes: true })
  const what = { tar: stage, points: [Buffer.from('.')], left: [], level: 1, archive, list }
  return archiveTree(what, { signal, log: silentLogger })
}

/** tar in the hands of a script. */
function scripted(name: string, script: string): string {
  const path = join(folder, name)
  writeFileSync(path, `#!/bin/sh\n${script}\n`, { mode: 0o755 })
  return path
}

const isLinux = orNotRun(process.platform === 'linux', 'descriptors that are left', 'Linux')

function pipesLeft(): string[] {
  if (!isLinux) return []
  const open = readdirSync('/proc/self/fd').map((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`)
    } catch {
      return ''
    }
  })
  return open.filter((path) => path.includes('/fifo-'))
}

/** They are closed behind our back. */
const noPipesLeft = () => vi.waitFor(() => expect(pipesLeft()).toEqual([]), 30_000)

test('the archive and the list of its members come to their ends', async () => {
  const [whole, list] = [keeping(), keeping()]
  const { report } = await archive(whole.sink, list.sink)
  expect([report.files, whole.kept.ended, list.kept.ended]).toEqual([FILES, true, true])
  expect(zstdDecompressSync(list.kept.bytes()).toString().match(/\n/g)).toHaveLength(FILES + 1)
  await noPipesLeft()
})

test('a tar that ends too early and says all is well: neither sink sees an end', async () => {
  for (const script of ['/usr/bin/tar "$@" | head -c 700000; exit 0', 'exec true']) {
    const [whole, list] = [keeping(), keeping()]
    const failure = await archive(whole.sink, list.sink, scripted('short', script)).catch((err: unknown) => err)
    expect(failure).toMatchObject({ code: 'ARTIFACT_TRUNCATED', facts: { tool: 'tar' } })
    expect([whole.kept.ended, list.kept.ended]).toEqual([false, false])
  }
})

test('a sink that fails is the reason, at its first byte too: the other sees no end, and nothing is left open', async () => {
  for (const failing of [full, fullOfHead]) {
    const [whole, list] = [keeping(), keeping()]
    await expect(archive(whole.sink, failing)).rejects.toThrow('the spool is full')
    await expect(archive(failing, list.sink)).rejects.toThrow('the spool is full')
    expect([whole.kept.ended, list.kept.ended]).toEqual([false, false])
    await noPipesLeft()
  }
})

test('a cancel ends a tar that waits, and its reason is told', async () => {
  const cancel = new AbortController()
  const [whole, list] = [keeping(), keeping()]
  const waiting = archive(whole.sink, list.sink, scripted('waits', 'exec sleep 600'), cancel.signal)
  cancel.abort(new Error('cancelled'))
  await expect(waiting).rejects.toThrow('cancelled')
  expect([whole.kept.ended, list.kept.ended]).toEqual([false, false])
  await noPipesLeft()
})
