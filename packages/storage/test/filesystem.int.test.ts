import { execFileSync } from 'node:child_process'
import { closeSync, constants, existsSync, openSync, rmSync } from 'node:fs'
import { mkdir, mkdtemp, readdir, readFile, rename, rm, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import type { TargetId } from '@lifeboat/shared/domain/ids.ts'
import { silentLogger } from '@lifeboat/shared/log/logger.ts'
import { within } from '@lifeboat/shared/run/within.ts'
import { expect, it } from 'vitest'
import { describeTarget } from '../src/conformance/describe-target.ts'
import {
  bodyOf,
  getBytes,
  listKeys,
  optionsFor,
  putBytes,
  rejectsWith,
  someBytes,
} from '../src/conformance/target-case.ts'
import { openFilesystem } from '../src/filesystem.ts'
import { openTarget, openWithLooks } from '../src/open-target.ts'
import { FilesystemConfig } from '../src/target-config.ts'

const signal = new AbortController().signal

describeTarget('filesystem', async () => {
  const folder = await tempFolder()
  const config = FilesystemConfig.parse({ kind: 'filesystem', path: folder.path, prefix: 'fleet/one' })
  const ctx = { resolveSecret: () => Promise.reject(new Error('a folder has no secret')), log: silentLogger }
  return {
    target: await openTarget('disk' as TargetId, config, ctx),
    [Symbol.asyncDispose]: folder[Symbol.asyncDispose],
  }
})

it('a folder that is not there is TARGET_MISSING and is not created', async () => {
  await using folder = await tempFolder()
  const path = join(folder.path, 'mount')
  const target = await open(path)
  await rejectsWith('TARGET_MISSING', putBytes(target, 'a/b', someBytes(10), signal))
  await rejectsWith('TARGET_MISSING', target.get('a/b', { signal }))
  await rejectsWith('TARGET_MISSING', target.stat('a/b', { signal }))
  await rejectsWith('TARGET_MISSING', listKeys(target, '', signal))
  await rejectsWith('TARGET_MISSING', target.remove('a/b', { signal }))
  expect(existsSync(path)).toBe(false)
})

it('a disk that is unmounted under an open target is noticed, and found again', async () => {
  await using folder = await tempFolder()
  const path = join(folder.path, 'mount')
  await mkdir(path)
  const target = await open(path)
  const bytes = someBytes(100)
  await putBytes(target, 'a/b', bytes, signal)
  await rename(path, `${path}-away`)
  await rejectsWith('TARGET_MISSING', target.stat('a/b', { signal }))
  await rejectsWith('TARGET_MISSING', putBytes(target, 'a/c', bytes, signal))
  await rename(`${path}-away`, path)
  expect((await getBytes(target, 'a/b', signal)).equals(bytes)).toBe(true)
})

it('a file is told from another under its key, however often it was looked at: on another disk, or put in its place', async () => {
  await using folder = await tempFolder()
  const [mount, other] = [join(folder.path, 'mount'), join(folder.path, 'other')]
  const digests: (string | undefined)[] = []
  for (const path of [other, mount]) {
    await mkdir(path)
    const bytes = someBytes(100)
    await putBytes(await open(path), 'lifeboat.json', bytes, signal)
    digests.push(optionsFor(bytes, signal).sha256)
  }
  const target = await open(mount)
  const look = async () => (await target.stat('lifeboat.json', { signal }))?.sha256
  expect([await look(), await look()]).toEqual([digests[1], digests[1]])
  await rename(mount, `${mount}-away`)
  await rename(other, mount)
  expect(await look()).toBe(digests[0])
  const changed = someBytes(100)
  await writeFile(join(mount, 'lifeboat.json'), changed)
  await rm(join(mount, '.lifeboat.json.sha256'))
  expect(await look()).toBe(optionsFor(changed, signal).sha256)
})

it('a full disk is TARGET_FULL', async () => {
  await using folder = await tempFolder()
  const target = await open(folder.path)
  const full = () => Readable.from(failing(Object.assign(new Error('write'), { code: 'ENOSPC' })))
  await rejectsWith('TARGET_FULL', target.put('a/b', full, optionsFor(someBytes(10), signal)))
})

it('the digest lies beside the file in the form sha256sum reads', async () => {
  await using folder = await tempFolder()
  const target = await open(folder.path)
  const bytes = someBytes(1000)
  await putBytes(target, 'run/part.00000', bytes, signal)
  const { sha256 } = optionsFor(bytes, signal)
  expect(await readFile(join(folder.path, 'run/.part.00000.sha256'), 'utf8')).toBe(`${sha256}  part.00000\n`)
})

it('a file whose writer died before it kept the digest is read once and gets it', async () => {
  await using folder = await tempFolder()
  const target = await open(folder.path)
  const bytes = someBytes(1000)
  await putBytes(target, 'run/part.00000', bytes, signal)
  await rm(join(folder.path, 'run/.part.00000.sha256'))
  const { sha256 } = optionsFor(bytes, signal)
  expect((await target.stat('run/part.00000', { signal }))?.sha256).toBe(sha256)
  expect(await readFile(join(folder.path, 'run/.part.00000.sha256'), 'utf8')).toContain(sha256)
  await putBytes(target, 'run/part.00000', bytes, signal)
})

it('what a killed writer left is swept after an hour without a write, not before', async () => {
  await using folder = await tempFolder()
  await mkdir(join(folder.path, '.partial'))
  for (const name of ['dead.partial', 'alive.partial']) await writeFile(join(folder.path, '.partial', name), 'half')
  const twoHoursAgo = new Date(Date.now() - 2 * 3_600_000)
  await utimes(join(folder.path, '.partial', 'dead.partial'), twoHoursAgo, twoHoursAgo)
  await putBytes(await open(folder.path), 'a/b', someBytes(10), signal)
  expect(await readdir(join(folder.path, '.partial'))).toEqual(['alive.partial'])
})

it('folders are made where they are missing, also those that somebody removed since, and a body is asked for once', async () => {
  await using folder = await tempFolder()
  const target = await openFilesystem(
    'disk' as TargetId,
    FilesystemConfig.parse({ kind: 'filesystem', path: folder.path, prefix: 'fleet/one' }),
  )
  const bytes = someBytes(1000)
  for (const name of ['first', 'second']) {
    let bodies = 0
    const body = () => {
      bodies += 1
      return bodyOf(bytes)()
    }
    await target.put(`run/of/${name}`, body, optionsFor(bytes, signal))
    expect(bodies).toBe(1)
    expect((await getBytes(target, `run/of/${name}`, signal)).equals(bytes)).toBe(true)
    expect(await readdir(join(folder.path, 'fleet/one/.partial'))).toEqual([])
    await rm(join(folder.path, 'fleet'), { recursive: true })
  }
})

it('a put that is already there reads no body', async () => {
  await using folder = await tempFolder()
  const target = await open(folder.path)
  const bytes = someBytes(1000)
  await putBytes(target, 'a/b', bytes, signal)
  const body = () => {
    throw new Error('the body was asked for')
  }
  expect((await target.put('a/b', body, optionsFor(bytes, signal))).bytes).toBe(1000)
})

it('a key that would climb out of the folder or hide in it is refused', async () => {
  await using folder = await tempFolder()
  const target = await open(folder.path)
  for (const key of ['../out', 'a/../../out', '.hidden', 'a//b', '/etc/passwd', 'a\0b'])
    await rejectsWith('TARGET_REFUSED', target.put(key, bodyOf(someBytes(1)), optionsFor(someBytes(1), signal)))
})

it('removing the last file of a folder removes the folder, not the root', async () => {
  await using folder = await tempFolder()
  const target = await open(folder.path)
  await putBytes(target, 'a/b/c', someBytes(1), signal)
  await putBytes(target, 'a/d', someBytes(1), signal)
  await target.remove('a/b/c', { signal })
  expect(existsSync(join(folder.path, 'a/b'))).toBe(false)
  await target.remove('a/d', { signal })
  expect(existsSync(join(folder.path, 'a'))).toBe(false)
  expect(existsSync(folder.path)).toBe(true)
})

function open(path: string) {
  return openFilesystem('disk' as TargetId, FilesystemConfig.parse({ kind: 'filesystem', path }))
}

it.each(['stat', 'list'] as const)(
  'of a mount whose server is gone one %s hangs, and none is begun beside it: a process has four threads for all its files',
  async (what) => {
    await using folder = await tempFolder()
    const config = FilesystemConfig.parse({ kind: 'filesystem', path: folder.path })
    const heard: string[] = []
    const observer = { answered: ({ operation }: { operation: string }) => void heard.push(operation), moved() {} }
    const ctx = {
      resolveSecret: () => Promise.reject(new Error('a folder has no secret')),
      log: silentLogger,
      observer,
    }
    const { target, looks } = await openWithLooks('disk' as TargetId, config, { ...ctx, silenceMs: 100 })
    await writeFile(join(folder.path, 'a'), 'a')
    const sidecar = join(folder.path, '.a.sha256')
    execFileSync('mkfifo', [sidecar])
    // Whoever waits in front of it gets in by this, and nobody comes to it any more.
    const comeBack = () => {
      const writer = openSync(sidecar, constants.O_RDWR)
      rmSync(sidecar)
      closeSync(writer)
    }
    try {
      const look = async () => (what === 'stat' ? looks.stat('a', { signal }) : listKeys(looks, '', signal))
      for (let no = 0; no < 5; no += 1) await rejectsWith('TARGET_UNREACHABLE', look())
      await rejectsWith('TARGET_UNREACHABLE', looks.tryOut?.({ signal }) ?? Promise.resolve())
      // Each was tried once.
      expect(heard).toEqual(Array(5).fill(what))
      expect(await within(60_000, readdir(folder.path))).toBe(true)
    } finally {
      comeBack()
    }
    expect((await target.stat('a', { signal }))?.bytes).toBe(1)
  },
)

async function tempFolder() {
  const path = await mkdtemp(join(tmpdir(), 'lifeboat-fs-'))
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) }
}

async function* failing(err: Error): AsyncGenerator<Buffer> {
  yield Buffer.from('x')
  throw err
}

it('a folder that takes no files says so when it is tried out, and one that does keeps nothing of it', async () => {
  await using folder = await tempFolder()
  const target = await open(folder.path)
  await target.tryOut?.({ signal })
  expect(await readdir(join(folder.path, '.partial'))).toEqual([])
  await rm(join(folder.path, '.partial'), { recursive: true })
  await writeFile(join(folder.path, '.partial'), 'in the way')
  await rejectsWith('TARGET_REFUSED', target.tryOut?.({ signal }) ?? Promise.resolve())
  await rejectsWith(
    'TARGET_MISSING',
    (await open(join(folder.path, 'mount'))).tryOut?.({ signal }) ?? Promise.resolve(),
  )
})
