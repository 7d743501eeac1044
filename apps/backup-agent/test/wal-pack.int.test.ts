import { execFile } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { constants, zstdDecompress } from 'node:zlib'
import { findProgram } from '@lifeboat/postgres/tools/find-tools.ts'
import { silentLogger } from '@lifeboat/shared/log/logger.ts'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { compress, type Packing, pack, seal } from '../src/wal/pack.ts'
import { plainDigest } from '../src/wal/plain-digest.ts'

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

async function decrypted(identity: string, path: string): Promise<Buffer> {
  const { stdout } = await run('age', ['-d', '-i', identity, path], { encoding: 'buffer', maxBuffer: 30_000_000 })
  return stdout
}

const packing = () => ({ age, recipients: [recipient], md5: true })
const packed = (bytes: Buffer, path: string, by: Packing = packing()) =>
  pack(seal(bytes, by), path, by, { signal, log: silentLogger })
const compressed = (plain: Uint8Array, level: number) => compress(plain, level, (frame) => Buffer.from(frame))

test('stock programs bring back exactly what was packed, however small, however often', async () => {
  const sizes = [1, 300, 300, 300, 70_000, 5_000_000, 20_000_000]
  await Promise.all(
    sizes.map(async (size, no) => {
      const plain = Buffer.concat([randomBytes(Math.ceil(size / 2)), Buffer.alloc(Math.floor(size / 2))])
      const path = join(folder, `object-${no}`)
      const made = await packed(await compressed(plain, 1), path)
      const there = await readFile(path)
      const digest = (algorithm: string) => createHash(algorithm).update(there).digest('hex')
      expect(made).toEqual({ bytes: there.length, sha256: digest('sha256'), md5: digest('md5') })
      const { stdout } = await run(
        'sh',
        ['-c', `age -d -i "$1" "$2" | zstd -dc`, 'sh', join(folder, 'identity'), path],
        {
          encoding: 'buffer',
          maxBuffer: 30_000_000,
        },
      )
      expect(stdout.equals(plain)).toBe(true)
    }),
  )
})

test('the age program decrypts whatever number of chunks there are, and each of several identities does', async () => {
  await run('age-keygen', ['-o', join(folder, 'second')])
  const second = (await run('age-keygen', ['-y', join(folder, 'second')])).stdout.trim()
  const chunk = 64 * 1024
  for (const size of [0, 1, chunk - 1, chunk, chunk + 1, 3 * chunk]) {
    const bytes = randomBytes(size)
    const path = join(folder, `chunks-${size}`)
    await packed(bytes, path, { ...packing(), recipients: [recipient, second] })
    for (const identity of ['identity', 'second'])
      expect((await decrypted(join(folder, identity), path)).equals(bytes), `${size} bytes`).toBe(true)
  }
})

test('an object that was cut off or changed is refused by the age program', async () => {
  const path = join(folder, 'whole')
  await packed(randomBytes(200_000), path)
  const whole = await readFile(path)
  const [cut, flipped] = [join(folder, 'cut'), join(folder, 'flipped')]
  await writeFile(cut, whole.subarray(0, whole.length - (200_000 % (64 * 1024)) - 16))
  await writeFile(flipped, whole.with(whole.length - 70_000, (whole.at(-70_000) ?? 0) ^ 1))
  for (const wrong of [cut, flipped]) await expect(decrypted(join(folder, 'identity'), wrong)).rejects.toThrow(/age/)
})

test('what could not be written, and is tried again, is written whole', async () => {
  const plain = randomBytes(3_000_000)
  const sealed = seal(plain, packing())
  for (const name of ['first', 'again']) {
    await pack(sealed, join(folder, name), packing(), { signal, log: silentLogger })
    expect((await decrypted(join(folder, 'identity'), join(folder, name))).equals(plain)).toBe(true)
  }
})

test('the MD5 is left out where no target wants it', async () => {
  expect(await packed(randomBytes(1000), join(folder, 'without'), { ...packing(), md5: false })).toEqual({
    bytes: expect.any(Number),
    sha256: expect.stringMatching(/^[0-9a-f]{64}$/),
  })
})

test('recipients of a kind that only the age program knows are left to it', async () => {
  const program = join(folder, 'age-with-plugin')
  await writeFile(program, '#!/bin/sh\necho "age-encryption.org/v1"; echo "$@"; cat\n', { mode: 0o755 })
  const plugin = { age: program, recipients: [recipient, 'age1yubikey1qwertz'], md5: false }
  expect(await packed(Buffer.from('plain'), join(folder, 'plugin'), plugin)).not.toHaveProperty('md5')
  const said = `age-encryption.org/v1\n--recipient ${recipient} --recipient age1yubikey1qwertz\nplain`
  expect(await readFile(join(folder, 'plugin'), 'utf8')).toBe(said)
})

test('a program that fails leaves no file, neither a finished nor a half one, and no error that nobody catches', async () => {
  const before = await readdir(folder)
  // One letter of the key was mistyped: nobody has the identity to it.
  const last = recipient.endsWith('q') ? 'p' : 'q'
  const broken = { ...packing(), recipients: [recipient.slice(0, -1) + last] }
  // Whether age dies before it is written to, or while, is a matter of luck; an error that nobody catches fails the run of all tests.
  const tries = Array.from({ length: 40 }, async (_, no) => {
    const plain = Buffer.alloc(no % 2 === 0 ? 9 : 3_000_000, no)
    await expect(packed(plain, join(folder, `broken-${no}`), broken)).rejects.toMatchObject({ code: 'TOOL_FAILED' })
  })
  await Promise.all(tries)
  expect(await readdir(folder)).toEqual(before)
})

test('levels 2 and 3 look back over a megabyte, and nothing is lost by it', async () => {
  const plain = Buffer.concat([randomBytes(1_000_000), Buffer.alloc(1_000_000)])
  const inSmallWindow = { params: { [constants.ZSTD_d_windowLogMax]: 20 } }
  const reread = async (level: number) => promisify(zstdDecompress)(await compressed(plain, level), inSmallWindow)
  for (const level of [2, 3]) expect((await reread(level)).equals(plain), `level ${level}`).toBe(true)
  await expect(reread(9)).rejects.toThrow(/too much memory/)
})

test('what nothing can be made shorter of is compressed whole as well', async () => {
  for (const size of [1, 1000, 70_000, 3_000_000]) {
    const plain = randomBytes(size)
    for (const level of [1, 3, 19]) {
      const frame = await compressed(plain, level)
      expect((await promisify(zstdDecompress)(frame)).equals(plain), `${size} bytes, level ${level}`).toBe(true)
    }
  }
})

test('one frame comes out, for readers stop behind the first', async () => {
  const magic = Buffer.from([0x28, 0xb5, 0x2f, 0xfd])
  for (const level of [1, 3, 9]) {
    const frame = await compressed(Buffer.alloc(1_000_000, 'WAL'), level)
    expect(frame.lastIndexOf(magic), `level ${level}`).toBe(0)
  }
})

test('the digest in a key is the beginning of the SHA-256 of the plain bytes', () => {
  const plain = randomBytes(1000)
  expect(createHash('sha256').update(plain).digest('hex').startsWith(plainDigest(plain))).toBe(true)
  expect(plainDigest(plain)).toHaveLength(16)
})
