import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { decrypted } from '../src/age/decrypt.ts'
import { encrypt, encrypted, nativeRecipients } from '../src/age/encrypt.ts'
import { x25519Identities } from '../src/age/identities.ts'
import { isSealed, openWithPassphrase, sealWithPassphrase } from '../src/age/passphrase.ts'
import { LifeboatError } from '../src/errors/lifeboat-error.ts'

const run = promisify(execFile)
const BOX = 64 * 1024
const SEALED = BOX + 16

interface Key {
  identity: string
  recipient: string
}

let folder: string
let key: Key
let other: Key

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lifeboat-age-'))
  key = await newKey()
  other = await newKey()
})
afterAll(() => rm(folder, { recursive: true, force: true }))

async function newKey(): Promise<Key> {
  const { stdout } = await run('age-keygen', [])
  return { identity: stdout, recipient: /age1[0-9a-z]+/.exec(stdout)?.[0] ?? '' }
}

async function sealed(plain: Buffer, recipients: readonly string[] = [key.recipient]): Promise<Buffer> {
  const [from, to] = [join(folder, 'plain'), join(folder, 'sealed')]
  await writeFile(from, plain)
  await run('age', [...recipients.flatMap((recipient) => ['--recipient', recipient]), '--output', to, from])
  return readFile(to)
}

/** @param cut lengths of the chunks the bytes come in, by turns */
async function opened(bytes: Buffer, { identity }: Key = key, cut: readonly number[] = [1024 ** 2]): Promise<Buffer> {
  const plain: Buffer[] = []
  for await (const chunk of decrypted(streamOf(bytes, cut), x25519Identities(identity) ?? [], 'x.age'))
    plain.push(Buffer.from(chunk))
  return Buffer.concat(plain)
}

async function* streamOf(bytes: Buffer, cut: readonly number[]): AsyncGenerator<Buffer> {
  for (let at = 0, turn = 0; at < bytes.length; turn++) {
    const length = cut[turn % cut.length] as number
    yield bytes.subarray(at, at + length)
    at += length
  }
}

const failure = (bytes: Buffer, by = key) => opened(bytes, by).then(() => undefined, LifeboatError.from)
const patterned = (bytes: number) => Buffer.alloc(bytes, 'a pattern of a prime length of 37 bytes')
const flipped = (bytes: Buffer, at: number) => Buffer.from(bytes.map((byte, no) => (no === at ? byte ^ 1 : byte)))

test.each([0, 1, BOX - 1, BOX, BOX + 1, 16 * BOX, 16 * BOX + 1, 40 * BOX, 5_000_000])(
  'what the age program sealed comes out as it was, %i bytes',
  async (bytes) => {
    const plain = patterned(bytes)
    const file = await sealed(plain)
    for (const cut of [[1024 ** 2], [1, 70_000, 13], [SEALED], [file.length]])
      expect((await opened(file, key, cut)).equals(plain)).toBe(true)
  },
)

test('each of several recipients opens it, also with an identity file of several keys', async () => {
  const plain = patterned(100_000)
  const file = await sealed(plain, [other.recipient, key.recipient])
  const both = { ...key, identity: `# old\n${(await newKey()).identity}\n\n${key.identity}` }
  for (const by of [key, other, both]) expect((await opened(file, by)).equals(plain)).toBe(true)
})

test('another key opens nothing', async () => {
  expect(await failure(await sealed(patterned(10)), other)).toMatchObject({ code: 'ARTIFACT_KEY_WRONG' })
})

test('one flipped bit, wherever it is, is noticed', async () => {
  const file = await sealed(patterned(3 * BOX))
  const begins = file.length - 3 * SEALED
  for (const at of [3, begins - 20, begins - 1, begins + 100, begins + SEALED - 1, file.length - 1])
    expect(await failure(flipped(file, at))).toMatchObject({ code: 'ARTIFACT_UNREADABLE', facts: { tool: 'age' } })
})

test('the end is only where it was sealed: cut anywhere, boxes swapped or something behind it', async () => {
  const file = await sealed(patterned(3 * BOX))
  const begins = file.length - 3 * SEALED
  const box = (no: number) => file.subarray(begins + no * SEALED, begins + (no + 1) * SEALED)
  const header = file.subarray(0, begins)
  const spoiled = [
    ...[0, 50, begins - 20, begins, begins + 5, begins + SEALED, begins + 2 * SEALED, file.length - 1].map((length) =>
      file.subarray(0, length),
    ),
    Buffer.concat([header, box(1), box(0), box(2)]),
    Buffer.concat([file, Buffer.alloc(1)]),
    Buffer.concat([file, box(2)]),
  ]
  for (const bytes of spoiled) expect(await failure(bytes)).toMatchObject({ code: 'ARTIFACT_UNREADABLE' })
})

test('what is no age file is refused before much of it was read', async () => {
  for (const bytes of [patterned(10), patterned(2 * 1024 ** 2)])
    expect(await failure(bytes)).toMatchObject({ code: 'ARTIFACT_UNREADABLE' })
})

test('keys of another kind are left to the program', async () => {
  const ssh = '-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjEA\n-----END OPENSSH PRIVATE KEY-----\n'
  for (const identity of [ssh, `${key.identity}\nAGE-PLUGIN-YUBIKEY-1QQPQ`, 'AGE-SECRET-KEY-PQ-1QQPQ'])
    expect(x25519Identities(identity)).toBeUndefined()
})

test('what is encrypted here the age program opens, for each of its recipients, wherever the last chunk ends', async () => {
  const recipients = nativeRecipients([key.recipient, other.recipient]) ?? []
  const [identity, file] = [join(folder, 'identity'), join(folder, 'ours')]
  for (const size of [0, 1, BOX - 1, BOX, BOX + 1, 2 * BOX, 5 * BOX + 7])
    for (const { identity: text } of [key, other]) {
      const plain = patterned(size)
      await writeFile(file, Buffer.concat([...encrypt(plain, recipients)]))
      await writeFile(identity, text)
      const { stdout } = await run('age', ['-d', '-i', identity, file], { encoding: 'buffer' })
      expect(stdout.equals(plain)).toBe(true)
    }
})

test('what is encrypted here while it comes the age program opens, however it is cut and wherever the last chunk ends', async () => {
  const recipients = nativeRecipients([other.recipient, key.recipient]) ?? []
  const [identity, file] = [join(folder, 'identity'), join(folder, 'ours')]
  await writeFile(identity, key.identity)
  for (const size of [0, 1, BOX - 1, BOX, BOX + 1, 2 * BOX, 5 * BOX + 7])
    for (const cut of [[1024 ** 2], [37_000], [BOX], [1, 70_000, 13]]) {
      const plain = patterned(size)
      await writeFile(file, await Array.fromAsync(encrypted(streamOf(plain, cut), recipients)))
      const { stdout } = await run('age', ['-d', '-i', identity, file], {
        encoding: 'buffer',
        maxBuffer: 2 * size + BOX,
      })
      expect(stdout.equals(plain)).toBe(true)
    }
})

test('a recipient or an identity that is mistyped or of another kind is left to the program', () => {
  const mistyped = (text: string) => text.replace(/.$/, (last) => (last.toLowerCase() === 'q' ? 'p' : 'q'))
  expect(nativeRecipients([key.recipient, mistyped(key.recipient)])).toBeUndefined()
  expect(nativeRecipients(['age1yubikey1qwertz'])).toBeUndefined()
  expect(x25519Identities(mistyped(key.identity.trim()))).toBeUndefined()
  expect(x25519Identities(key.identity)).toHaveLength(1)
})

/** The program asks at a terminal only; `script` makes one. */
async function atTerminal(command: string, ...answers: string[]): Promise<void> {
  const asked = run('script', ['--quiet', '--return', '--command', command, '/dev/null'], { cwd: folder })
  for (const answer of answers) {
    await pause(500)
    asked.child.stdin?.write(`${answer}\r`)
  }
  await asked
}

test('what is sealed with a passphrase opens with that one and no other', async () => {
  const text = sealWithPassphrase(key.identity, 'correct horse')
  expect([isSealed(text), isSealed(key.identity)]).toEqual([true, false])
  expect(await openWithPassphrase(text, 'correct horse', 'x')).toBe(key.identity)
  await expect(openWithPassphrase(text, 'battery staple', 'x')).rejects.toMatchObject({ code: 'ARTIFACT_KEY_WRONG' })
})

test('the age program opens what we seal with a passphrase, and we what it seals', async () => {
  await writeFile(join(folder, 'escrow.age'), sealWithPassphrase(key.identity, 'correct horse'))
  await atTerminal('age --decrypt --output opened escrow.age', 'correct horse')
  expect(await readFile(join(folder, 'opened'), 'utf8')).toBe(key.identity)
  await writeFile(join(folder, 'identity'), key.identity)
  await atTerminal('age --passphrase --output theirs.age identity', 'battery staple', 'battery staple')
  const theirs = await readFile(join(folder, 'theirs.age'), 'latin1')
  expect(await openWithPassphrase(theirs, 'battery staple', 'x')).toBe(key.identity)
})
