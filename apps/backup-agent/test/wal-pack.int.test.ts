import { execFile } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { findProgram } from '@lifeboat/postgres/tools/find-tools.ts'
import { silentLogger } from '@lifeboat/shared/log/logger.ts'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { pack, plainDigest } from '../src/wal/pack.ts'

const run = promisify(execFile)
const stack = new AsyncDisposableStack()
const { signal } = new AbortController()
let folder: string
let recipient: string
let age: string
beforeAll(async () => {
  folder = stack.adopt(await mkdtemp(join(tmpdir(), 'lifeboat-pack-')), (path) => rm(path, { recursive: true }))
  await run('age-keygen', ['-o', join(folder, 'identity')])
  recipient = (await run('age-keygen', ['-y', join(folder, 'identity')])).stdout.trim()
  age = (await findProgram('age', { toolPaths: [] })).path
})
afterAll(() => stack.disposeAsync())

const packing = () => ({ age, recipients: [recipient], compressionLevel: 1 })

test('stock programs bring back exactly what was packed, however small, however often', async () => {
  const sizes = [1, 300, 300, 300, 70_000, 5_000_000]
  await Promise.all(
    sizes.map(async (size, no) => {
      const plain = Buffer.concat([randomBytes(Math.ceil(size / 2)), Buffer.alloc(Math.floor(size / 2))])
      const path = join(folder, `object-${no}`)
      const packed = await pack(plain, path, packing(), { signal, log: silentLogger })
      const there = await readFile(path)
      const digest = (algorithm: string) => createHash(algorithm).update(there).digest('hex')
      expect(packed).toEqual({ bytes: there.length, sha256: digest('sha256'), md5: digest('md5') })
      const { stdout } = await run(
        'sh',
        ['-c', `age -d -i "$1" "$2" | zstd -dc`, 'sh', join(folder, 'identity'), path],
        {
          encoding: 'buffer',
          maxBuffer: 10_000_000,
        },
      )
      expect(stdout.equals(plain)).toBe(true)
    }),
  )
})

test('a program that fails leaves no file, neither a finished nor a half one, and no error that nobody catches', async () => {
  const before = await readdir(folder)
  const broken = { ...packing(), recipients: ['age1nonsense'] }
  // Whether age dies before it is written to, or while, is a matter of luck; an error that nobody catches fails the run of all tests.
  const tries = Array.from({ length: 40 }, async (_, no) => {
    const plain = Buffer.alloc(no % 2 === 0 ? 9 : 3_000_000, no)
    const packed = pack(plain, join(folder, `broken-${no}`), broken, { signal, log: silentLogger })
    await expect(packed).rejects.toMatchObject({ code: 'TOOL_FAILED' })
  })
  await Promise.all(tries)
  expect(await readdir(folder)).toEqual(before)
})

test('the digest in a key is the beginning of the SHA-256 of the plain bytes', async () => {
  const plain = randomBytes(1000)
  expect(
    createHash('sha256')
      .update(plain)
      .digest('hex')
      .startsWith(await plainDigest(plain)),
  ).toBe(true)
  expect(await plainDigest(plain)).toHaveLength(16)
})
