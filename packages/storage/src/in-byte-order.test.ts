import { expect, test } from 'vitest'
import { inByteOrder } from './in-byte-order.ts'

const KEYS = [
  'A',
  'a-b',
  'a/b/c',
  'a0',
  'x/~',
  'x/é',
  'x/～',
  'x/～/1',
  'x/😀',
  'x/😀/a',
  'x/😀/～',
  'x/😀/😀',
  'y',
  '～',
  '😀',
]
const BY_UTF8 = KEYS.toSorted((one, other) => Buffer.compare(Buffer.from(one), Buffer.from(other)))

test('a listing in UTF-16 order becomes one in UTF-8 byte order', async () => {
  const byUtf16 = KEYS.toSorted()
  expect(byUtf16).not.toEqual(BY_UTF8)
  expect(await ordered(byUtf16)).toEqual(BY_UTF8)
})

test('a listing in UTF-8 byte order stays as it is', async () => {
  expect(await ordered(BY_UTF8)).toEqual(BY_UTF8)
})

test('plain keys are handed on one by one, without waiting for the rest of the listing', async () => {
  async function* endless() {
    for (let nth = 0; ; nth++) yield { key: `part.${String(nth).padStart(9, '0')}`, bytes: 1 }
  }
  const seen: string[] = []
  for await (const { key } of inByteOrder(endless())) if (seen.push(key) === 3) break
  expect(seen).toEqual(['part.000000000', 'part.000000001', 'part.000000002'])
})

async function ordered(keys: readonly string[]): Promise<string[]> {
  async function* listing() {
    for (const key of keys) yield { key, bytes: 1 }
  }
  return Array.fromAsync(inByteOrder(listing()), ({ key }) => key)
}
