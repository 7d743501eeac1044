import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Secret } from '@lifeboat/shared/config/secret.ts'
import type { TargetId } from '@lifeboat/shared/domain/ids.ts'
import { silentLogger } from '@lifeboat/shared/log/logger.ts'
import { describe, expect, test } from 'vitest'
import { TARGET_CASES } from '../src/conformance/cases.ts'
import { getBytes, putBytes, rejectsWith, someBytes } from '../src/conformance/target-case.ts'
import { openFilesystem } from '../src/filesystem.ts'
import { wrap } from '../src/layers/wrap.ts'
import { lendCopies } from '../src/lent/lend-copies.ts'
import { openLent } from '../src/lent/open-lent.ts'
import { openMemory } from '../src/memory.ts'
import { relay } from '../src/relay.ts'
import type { Target } from '../src/target.ts'
import { FilesystemConfig } from '../src/target-config.ts'

const NORTH = 'north' as TargetId
const TOKEN = new Secret('of-agent-one')
const { signal } = new AbortController()
const KEY = 'records/backups/x/db.dump.zst.age.00000'

async function lend(target: Target): Promise<AsyncDisposable & { url: string }> {
  const opts = { listen: '127.0.0.1:0', tokens: [new Secret('of-agent-two'), TOKEN], log: silentLogger }
  const lending = await lendCopies([{ target }], opts)
  return { url: `http://127.0.0.1:${lending.port}`, [Symbol.asyncDispose]: () => lending[Symbol.asyncDispose]() }
}

const borrow = (url: string, token = TOKEN) => openLent(NORTH, { uploaders: [url], token })

describe('a target that is lent keeps the target contract for whoever reads:', () => {
  const reading = TARGET_CASES.filter(({ clause }) => ['get', 'stat', 'list'].includes(clause))
  test.each(reading.map((each) => [each.name, each] as const))('%s', async (_, { check }) => {
    const path = await mkdtemp(join(tmpdir(), 'lifeboat-lent-'))
    try {
      const store = await openFilesystem(NORTH, FilesystemConfig.parse({ kind: 'filesystem', path }))
      await using lending = await lend(store)
      const lent = borrow(lending.url)
      const both = wrap(store, { get: lent.get, stat: lent.stat, list: lent.list })
      await check(both, { prefix: 'records/backups/', signal })
    } finally {
      await rm(path, { recursive: true })
    }
  })
})

test('who has no token of an agent reads nothing', async () => {
  const store = openMemory(NORTH)
  await putBytes(store, KEY, someBytes(10), signal)
  await using lending = await lend(store)
  await rejectsWith('TARGET_REFUSED', borrow(lending.url, new Secret('of nobody')).get(KEY, { signal }))
  expect((await fetch(`${lending.url}/targets/north/objects/${encodeURIComponent(KEY)}`)).status).toBe(401)
})

test('only backups, drills and WAL are lent, and nothing can be written', async () => {
  const store = openMemory(NORTH)
  for (const key of ['lifeboat.json', 'records/backups/../../lifeboat.json'])
    await putBytes(store, key, someBytes(10), signal)
  await using lending = await lend(store)
  const lent = borrow(lending.url)
  await rejectsWith('TARGET_KEY_ABSENT', lent.get('lifeboat.json', { signal }))
  await rejectsWith('TARGET_KEY_ABSENT', lent.get('records/backups/../../lifeboat.json', { signal }))
  await rejectsWith('TARGET_REFUSED', putBytes(lent, KEY, someBytes(10), signal))
  await rejectsWith('TARGET_REFUSED', lent.remove('lifeboat.json', { signal }))
})

test('a copy that breaks off on the way to the uploader is taken up where it broke', async () => {
  const store = openMemory(NORTH)
  const bytes = someBytes(3_000_000)
  await putBytes(store, KEY, bytes, signal)
  let breaks = 2
  const shaky = wrap(store, {
    async get(key, opts) {
      let passed = 0
      const each = (chunk: Buffer) => {
        passed += chunk.length
        if (passed > 1_000_000 && breaks-- > 0) throw new Error('cut')
      }
      return relay(await store.get(key, opts), { each })
    },
  })
  await using lending = await lend(shaky)
  expect((await getBytes(borrow(lending.url), KEY, signal)).equals(bytes)).toBe(true)
  expect(breaks).toBeLessThan(1)
})

test('while one uploader is down the next is asked; when none answers the target counts as unreachable', async () => {
  const store = openMemory(NORTH)
  await putBytes(store, KEY, someBytes(10), signal)
  await using lending = await lend(store)
  const lender = { uploaders: ['http://127.0.0.1:1', lending.url], token: TOKEN }
  expect((await getBytes(openLent(NORTH, lender), KEY, signal)).length).toBe(10)
  await rejectsWith('TARGET_UNREACHABLE', borrow('http://127.0.0.1:1').get(KEY, { signal }))
})
