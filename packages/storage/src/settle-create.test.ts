import type { Md5, Sha256 } from '@lifeboat/shared/domain/ids.ts'
import type { ErrorCode } from '@lifeboat/shared/errors/catalogue.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import { expect, test } from 'vitest'
import { settleCreate } from './settle-create.ts'
import type { Receipt } from './target.ts'

const wanted = {
  bytes: 10,
  sha256: 'a'.repeat(64) as Sha256,
  md5: 'b'.repeat(32) as Md5,
  signal: new AbortController().signal,
}
const ours: Receipt = { key: 'part', bytes: 10, md5: wanted.md5 }

for (const code of ['TARGET_KEY_TAKEN', 'TARGET_UNREACHABLE', 'TARGET_REFUSED'] as const)
  test(`${code} is a success when our own bytes lie there: only the answer was lost`, async () => {
    expect(await settle(code, async () => ours)).toEqual(ours)
  })

test('other bytes under a taken key stay a refusal for good', async () => {
  for (const other of [
    { ...ours, bytes: 11 },
    { ...ours, md5: 'c'.repeat(32) as Md5 },
  ])
    expect(await codeOf('TARGET_KEY_TAKEN', async () => other)).toBe('TARGET_KEY_TAKEN')
})

test('credentials that may not overwrite are told "taken" where something lies, and "refused" where nothing does', async () => {
  expect(await codeOf('TARGET_REFUSED', async () => ({ ...ours, bytes: 11 }))).toBe('TARGET_KEY_TAKEN')
  expect(await codeOf('TARGET_REFUSED', async () => undefined)).toBe('TARGET_REFUSED')
})

test('an object of the right length without a digest proves nothing', async () => {
  expect(await codeOf('TARGET_KEY_TAKEN', async () => ({ key: 'part', bytes: 10 }))).toBe('TARGET_KEY_TAKEN')
})

test('"taken" by something nobody can look at is tried again, not given up for good', async () => {
  expect(await codeOf('TARGET_KEY_TAKEN', async () => undefined)).toBe('TARGET_UNREACHABLE')
  expect(await codeOf('TARGET_KEY_TAKEN', failing('TARGET_UNREACHABLE'))).toBe('TARGET_UNREACHABLE')
})

test('a store that cut the upload because of the bucket or the rights is told by its second answer', async () => {
  expect(await codeOf('TARGET_UNREACHABLE', failing('TARGET_MISSING'))).toBe('TARGET_MISSING')
  expect(await codeOf('TARGET_UNREACHABLE', failing('TARGET_REFUSED'))).toBe('TARGET_REFUSED')
})

test('failures that leave nothing open are not looked into', async () => {
  const look = () => Promise.reject(new Error('nobody was to look'))
  expect(await codeOf('TARGET_CHECKSUM_MISMATCH', look)).toBe('TARGET_CHECKSUM_MISMATCH')
})

function settle(code: ErrorCode, look: () => Promise<Receipt | undefined>): Promise<Receipt> {
  return settleCreate(new LifeboatError(code, { key: 'part' }), wanted, look)
}

async function codeOf(code: ErrorCode, look: () => Promise<Receipt | undefined>): Promise<ErrorCode | undefined> {
  return settle(code, look).then(
    () => undefined,
    (thrown: unknown) => LifeboatError.from(thrown).code,
  )
}

function failing(code: ErrorCode) {
  return () => Promise.reject(new LifeboatError(code))
}
