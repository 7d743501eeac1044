import { createHash, randomBytes } from 'node:crypto'
import { walReader } from '@lifeboat/recovery/wal/read-object.ts'
import { Secret } from '@lifeboat/shared/config/secret.ts'
import type { SourceId } from '@lifeboat/shared/domain/ids.ts'
import type { Key } from '@lifeboat/shared/domain/keys.ts'
import { type SegmentName, WAL_DIGEST_DIGITS, type WalObject, walKey } from '@lifeboat/shared/domain/wal.ts'
import { pipe, put } from '@lifeboat/testkit/seal-backup.ts'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openHouse, type RecoveryHouse } from './recovery-house.ts'
import { sshKey } from './ssh-key.ts'

const SEGMENT_BYTES = 16 * 1024 ** 2
let house: RecoveryHouse
beforeAll(async () => {
  house = await openHouse()
})
afterAll(() => house?.[Symbol.asyncDispose]())

const ssh = sshKey()
/** Larger than what is decrypted in one go, and nothing zstd could make small. */
const contents = Buffer.concat([randomBytes(5_000_000), Buffer.alloc(SEGMENT_BYTES - 5_000_000)])
const digest = createHash('sha256').update(contents).digest('hex').slice(0, WAL_DIGEST_DIGITS)

async function sealed(recipient: string, no: number) {
  const segment = `0000000100000000000000${no.toString().padStart(2, '0')}` as SegmentName
  const object: WalObject = { kind: 'segment', segment, digest }
  const key: Key = walKey('records' as SourceId, object)
  const bytes = await pipe('age', ['-r', recipient], await pipe('zstd', ['-q', '-c'], contents))
  await put(house.target, key, bytes, 'wal')
  return { key, object, bytes: bytes.length }
}

describe.each([
  ['read here', () => ({ recipient: house.recipient, identity: house.reader.identity, other: keygen })],
  [
    'only the age program understands',
    () => ({ recipient: ssh.recipient, identity: new Secret(ssh.identity), other: async () => sshKey().identity }),
  ],
])('a segment under a key that is %s', (_, of) => {
  test('comes back as it was', async () => {
    const { recipient, identity } = of()
    const listed = await sealed(recipient, 1)
    const read = await walReader({ ...house.reader, identity }, SEGMENT_BYTES)
    expect((await read(listed)).equals(contents)).toBe(true)
    house.target.objects.clear()
  })

  test('is not opened by another, and that says nothing against the segment', async () => {
    const { recipient, other } = of()
    const listed = await sealed(recipient, 2)
    const read = await walReader({ ...house.reader, identity: new Secret(await other()) }, SEGMENT_BYTES)
    await expect(read(listed)).rejects.toMatchObject({ code: 'ARTIFACT_KEY_WRONG', facts: { key: listed.key } })
    house.target.objects.clear()
  })

  test('with a flipped bit is damaged', async () => {
    const { recipient, identity } = of()
    const listed = await sealed(recipient, 3)
    const there = house.target.objects.get(listed.key) as Buffer
    there.writeUInt8(there.readUInt8(3_000_000) ^ 1, 3_000_000)
    const read = await walReader({ ...house.reader, identity }, SEGMENT_BYTES)
    await expect(read(listed)).rejects.toMatchObject({ code: 'WAL_DAMAGED', facts: { key: listed.key } })
    house.target.objects.clear()
  })
})

test('what was fetched of a segment is given back once it is open', async () => {
  const listed = await sealed(house.recipient, 4)
  const chunks: Buffer[] = []
  const get: typeof house.target.get = async (key, opts) => {
    const body = await house.target.get(key, opts)
    return body.on('data', (chunk: Buffer) => void chunks.push(chunk))
  }
  const target = new Proxy(house.target, { get: (of, name) => (name === 'get' ? get : Reflect.get(of, name, of)) })
  const read = await walReader({ ...house.reader, target }, SEGMENT_BYTES)
  expect((await read(listed)).equals(contents)).toBe(true)
  const own = chunks.filter(({ length, buffer }) => length === 0 || length === buffer.byteLength)
  expect(own.length).toBeGreaterThan(0)
  expect(own.map(({ length }) => length)).toEqual(own.map(() => 0))
  house.target.objects.clear()
})

test('a segment that is longer than its name says is damaged', async () => {
  const listed = await sealed(house.recipient, 5)
  const read = await walReader(house.reader, SEGMENT_BYTES / 2)
  const facts = { key: listed.key, problem: 'it is longer than its name says' }
  await expect(read(listed)).rejects.toMatchObject({ code: 'WAL_DAMAGED', facts })
  house.target.objects.clear()
})

async function keygen(): Promise<string> {
  return (await pipe('age-keygen', [], Buffer.alloc(0))).toString('utf8')
}
