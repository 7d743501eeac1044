import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { setTimeout as pause } from 'node:timers/promises'
import type { PolicyId } from '@lifeboat/shared/domain/ids.ts'
import { partKey } from '@lifeboat/shared/domain/keys.ts'
import { demandServer, type Manifest } from '@lifeboat/shared/domain/manifest.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import { until } from '@lifeboat/testkit/eventually.ts'
import { startPostgres, type TestPostgres } from '@lifeboat/testkit/postgres.ts'
import { sealBackup } from '@lifeboat/testkit/seal-backup.ts'
import { startVerifier } from '@lifeboat/verifier/service.ts'
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest'
import { type DrillRoom, openDrillRoom } from './drill-room.ts'
import { makeRecords } from './records.ts'

let pg: TestPostgres
let room: DrillRoom
let good: Manifest

beforeAll(async () => {
  ;[pg, room] = await Promise.all([startPostgres(), openDrillRoom()])
  const { target, recipient, agent: signer } = room
  good = await sealBackup({ pg, database: await makeRecords(pg), target, recipient, signer })
})
afterAll(() => Promise.all([pg, room].map((each) => each[Symbol.asyncDispose]())))
afterEach(async () => {
  expect(await room.leftovers()).toEqual([])
})

const away = (only: 'get' | 'list' | 'put') => {
  const refuse = () => Promise.reject(new LifeboatError('TARGET_UNREACHABLE', { targetId: room.target.id }))
  const broken = { ...room.target, [only]: only === 'list' ? refuseToList : refuse }
  return { targets: new Map([[room.target.id, broken]]) }
}
// biome-ignore lint/correctness/useYield: it fails before its first item
async function* refuseToList(): AsyncGenerator<never> {
  throw new LifeboatError('TARGET_UNREACHABLE', {})
}

test.each(['get', 'list'] as const)(
  'a target that is away (%s) is waited for, and then leaves the drill open',
  async (call) => {
    const said = room.said.length
    await expect(room.drill(good, { attempt: 1, deps: away(call) })).rejects.toMatchObject({
      code: 'TARGET_UNREACHABLE',
    })
    expect(room.said).toHaveLength(said)
    expect(await room.drill(good, { deps: away(call) })).toMatchObject({ verdict: 'inconclusive' })
  },
)

test('a drill whose questions the verifier was never told is not proven by the backup alone', async () => {
  expect(await room.drill(good, { wish: { rehearsal: 'monthly-test' as PolicyId } })).toMatchObject({
    verdict: 'inconclusive',
    reasons: [expect.stringContaining('this verifier knows no drill monthly-test')],
  })
})

test('no room for a scratch server is waited for, and then leaves the drill open', async () => {
  const huge = { ...good, summary: { ...good.summary, databaseBytes: 1e15 } }
  const { target, recipient, agent: signer } = room
  const manifest = await sealBackup({
    pg,
    database: 'records',
    target,
    recipient,
    signer,
    change: (of) => ({ ...of, summary: huge.summary }),
  })
  await expect(room.drill(manifest, { attempt: 2 })).rejects.toMatchObject({ code: 'DRILL_SCRATCH_UNAVAILABLE' })
  const fact = await room.drill(manifest)
  expect(fact).toMatchObject({ verdict: 'inconclusive', reasons: [expect.stringContaining('not enough room')] })
  expect(await room.evidence(fact)).toMatchObject({ verdict: 'inconclusive' })
})

test('an extension that this machine lacks leaves the drill open and is named', async () => {
  const { target, recipient, agent: signer } = room
  const change = (of: Manifest) => ({
    ...of,
    server: { ...demandServer(of).server, extensions: { postgis_of_tomorrow: '9.9' } },
  })
  const fact = await room.drill(await sealBackup({ pg, database: 'records', target, recipient, signer, change }))
  expect(fact).toMatchObject({ verdict: 'inconclusive', reasons: [expect.stringContaining('postgis_of_tomorrow')] })
})

test('a locale that this machine lacks leaves the drill open and is named', async () => {
  const { target, recipient, agent: signer } = room
  const change = (of: Manifest) => ({
    ...of,
    server: { ...demandServer(of).server, collate: 'tlh_QO.UTF-8', ctype: 'tlh_QO.UTF-8' },
  })
  const fact = await room.drill(await sealBackup({ pg, database: 'records', target, recipient, signer, change }))
  expect(fact).toMatchObject({ verdict: 'inconclusive', reasons: [expect.stringContaining('tlh_QO')] })
})

test('a wish that comes again says the same verdict without another drill', async () => {
  const wish = { runId: 'drill.again' as never }
  const first = await room.drill(good, { wish })
  const objects = room.target.objects.size
  const again = await room.drill(good, { wish, deps: { toolPaths: ['/nowhere'], scratchPath: '/dev/null/nowhere' } })
  expect(again).toEqual(first)
  expect(room.target.objects.size).toBe(objects)
})

test('forged evidence in the bucket spares nobody a drill', async () => {
  const wish = { runId: 'drill.forged' as never }
  const first = await room.drill(good, { wish })
  const key = [...room.target.objects.keys()].find((each) => each.endsWith(`${first.drillId}.json`)) ?? ''
  const forged =
    room.target.objects
      .get(key)
      ?.toString()
      .replace(/"signature":"..../, '"signature":"AAAA') ?? ''
  room.target.objects.set(key, Buffer.from(forged))
  const second = await room.drill(good, { wish })
  expect(second.verdict).toBe('proven')
  expect(second.drillId).not.toBe(first.drillId)
})

test('an object as large as no evidence ever is spares nobody a drill, nor is it read to its end', async () => {
  const wish = { runId: 'drill.flooded' as never }
  const key = `${good.sourceId}/drills/${good.backupId}/00000000T000000Z-drill-aaaaaa.json`
  const MEGABYTE = Buffer.alloc(1024 ** 2, ' ')
  let given = 0
  const endless = () =>
    Readable.from(
      (function* () {
        for (given = 0; given < 200; given++) yield MEGABYTE
      })(),
    )
  room.target.objects.set(key, Buffer.from('{}'))
  const get: typeof room.target.get = async (asked, opts) => (asked === key ? endless() : room.target.get(asked, opts))
  const targets = new Map([[room.target.id, { ...room.target, get }]])
  const fact = await room.drill(good, { wish, deps: { targets } })
  room.target.objects.delete(key)
  expect(fact.verdict).toBe('proven')
  expect(given).toBeGreaterThan(0)
  expect(given).toBeLessThan(40)
})

test('without evidence at the target nothing is proven', async () => {
  await expect(room.drill(good, { attempt: 1, deps: away('put') })).rejects.toMatchObject({
    code: 'TARGET_UNREACHABLE',
  })
  const fact = await room.drill(good, { deps: away('put') })
  expect(fact).toMatchObject({ verdict: 'inconclusive', reasons: [expect.stringContaining('could not be stored')] })
})

/** A target that aborts when the second part of the dump is fetched: the server runs, pg_restore waits for more. */
function abortingTarget(stop: AbortController, reason: LifeboatError) {
  const second = partKey(good.sourceId, good.backupId, good.artifacts[0]?.name as never, 2)
  const get: typeof room.target.get = async (key, opts) => {
    if (key === second) {
      await until(
        () => room.leftovers(),
        (left) => left.length === 2,
      )
      await pause(200)
      stop.abort(reason)
    }
    return room.target.get(key, opts)
  }
  return { targets: new Map([[room.target.id, { ...room.target, get }]]) }
}

test('a service that stops in the middle of a restore hands the wish back and leaves nothing behind', async () => {
  const stop = new AbortController()
  const reason = new LifeboatError('SERVICE_STOPPING')
  const said = room.said.length
  const deps = abortingTarget(stop, reason)
  await expect(room.drill(good, { signal: stop.signal, deps })).rejects.toBe(reason)
  expect(await room.leftovers()).toEqual([])
  expect(room.said).toHaveLength(said)
})

test('a drill that an operator cancels in the middle ends inconclusive, with evidence', async () => {
  const cancel = new AbortController()
  const cancels = { of: () => ({ signal: cancel.signal, [Symbol.dispose]() {} }) }
  const deps = abortingTarget(cancel, new LifeboatError('RUN_CANCELLED', { by: 'me' }))
  const fact = await room.drill(good, { deps: { ...deps, cancels } })
  expect(fact).toMatchObject({ verdict: 'inconclusive', reasons: [expect.stringContaining('cancelled')] })
  expect((await room.evidence(fact)).verdict).toBe('inconclusive')
})

test('a drill that takes longer than its policy allows ends inconclusive', async () => {
  const fact = await room.drill(good, { rules: { maxDurationMs: 60 } })
  expect(fact).toMatchObject({ verdict: 'inconclusive', reasons: [expect.stringContaining('exceeded the time')] })
})

test('a drill whose time is up before it could even look for an earlier verdict ends inconclusive, not as a dead letter', async () => {
  const list: typeof room.target.list = async function* (prefix, opts) {
    if (!opts.signal.aborted) await once(opts.signal, 'abort')
    opts.signal.throwIfAborted()
    yield* room.target.list(prefix, opts)
  }
  const deps = { targets: new Map([[room.target.id, { ...room.target, list }]]) }
  const fact = await room.drill(good, { attempt: 1, rules: { maxDurationMs: 60 }, deps })
  expect(fact).toMatchObject({ verdict: 'inconclusive', reasons: [expect.stringContaining('exceeded the time')] })
})

test('the scratch server of a failed drill is kept where the policy wants it, and only there', async () => {
  const assertions = [{ name: 'impossible', sql: 'select 1', expect: { equals: 2 } }]
  expect((await room.evidence(await room.drill(good, { rules: { assertions } }))).scratch?.kept).toBeUndefined()
  expect(await room.leftovers()).toEqual([])
  const evidence = await room.evidence(await room.drill(good, { rules: { assertions, keepFailed: true } }))
  const kept = evidence.scratch?.kept ?? ''
  expect(existsSync(join(kept, 'data', 'PG_VERSION'))).toBe(true)
  expect(await room.leftovers()).toEqual([kept.split('/').at(-1)])
  const later = { now: () => Date.now() + 61_000 }
  const bus = { ...room.deps.bus, consume: async () => ({ stopped: Promise.resolve() }) }
  await startVerifier({ ...room.deps, bus, clock: later }, AbortSignal.timeout(60_000))
  expect(await room.leftovers()).toEqual([])
})

test('a kept server goes when its time is over while the verifier lives on: every hour, and before each drill', async () => {
  const stop = new AbortController()
  const clock = { now: () => Date.now() }
  let handle: Parameters<typeof room.deps.bus.consume>[1] | undefined
  const consume = async (_: unknown, handler: typeof handle) => {
    handle = handler
    return { stopped: Promise.resolve() }
  }
  const bus = { ...room.deps.bus, consume } as typeof room.deps.bus
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] })
  try {
    await startVerifier({ ...room.deps, bus, clock }, stop.signal)
    const folder = join(room.deps.scratchPath, 'scratch-kept')
    for (const cause of ['an hour', 'a drill']) {
      await mkdir(folder, { recursive: true })
      const note = { pid: 1, socketDir: folder, keptUntil: Date.now() + 60_000 }
      await writeFile(join(folder, 'scratch.json'), JSON.stringify(note))
      const pass = async () => {
        if (cause === 'an hour') vi.advanceTimersByTime(3_600_000)
        else await handle?.({ targetId: 'moon' } as never, {} as never).catch(() => {})
        await pause(100)
      }
      clock.now = () => Date.now()
      await pass()
      expect(existsSync(folder)).toBe(true)
      clock.now = () => Date.now() + 61_000
      await pass()
      await vi.waitFor(() => expect(existsSync(folder)).toBe(false), 90_000)
    }
  } finally {
    stop.abort()
    vi.useRealTimers()
  }
})

test('a restarted verifier clears away what a killed one had fetched', async () => {
  const folder = join(room.deps.scratchPath, 'scratch-20260101T000000Z-drill-aaaaaa-work')
  await mkdir(folder, { recursive: true })
  await writeFile(join(folder, 'scratch.json'), JSON.stringify({ pid: 4_194_300, startTicks: '1', socketDir: folder }))
  await writeFile(join(folder, 'db.dump.zst.age.0'), 'half a part')
  const bus = { ...room.deps.bus, consume: async () => ({ stopped: Promise.resolve() }) }
  await startVerifier({ ...room.deps, bus }, AbortSignal.timeout(60_000))
  expect(existsSync(folder)).toBe(false)
})

test.each([
  ['postgres', ''],
  ['odd "quoted" db', `encoding 'LATIN1' locale 'C' template template0`],
])('a database called %s comes back in its own name and encoding', async (database, options) => {
  const { target, recipient, agent: signer } = room
  const quoted = `"${database.replaceAll('"', '""')}"`
  if (options) await pg.query('template1', `create database ${quoted} ${options}`)
  await pg.query(database, `create table umlaut (t text); insert into umlaut values ('ä'), ('ß')`)
  const fact = await room.drill(await sealBackup({ pg, database, target, recipient, signer }))
  expect(fact).toMatchObject({ verdict: 'proven', reasons: [] })
})

test('a superuser that may not log in, or has settings that break every session, comes back so and locks no drill out', async () => {
  await using other = await startPostgres({ roles: { chief: 'SUPERUSER LOGIN' } })
  const { target, recipient, agent: signer } = room
  const database = await makeRecords(other)
  await other.query(
    'postgres',
    `alter role postgres set default_transaction_read_only = on;
     alter role postgres set session_preload_libraries = 'of_tomorrow';
     alter role postgres set role = 'chief';
     alter database ${database} set default_transaction_read_only = on;
     alter role postgres nologin`,
  )
  const backup = { pg: { ...other, user: 'chief', port: other.port }, database, target, recipient, signer }
  expect(await room.drill(await sealBackup(backup))).toMatchObject({ verdict: 'proven', reasons: [] })
})

test('a wish for a target nobody configured is refused for good', async () => {
  await expect(room.drill(good, { wish: { targetId: 'moon' as never } })).rejects.toMatchObject({
    code: 'TARGET_UNKNOWN',
  })
})

test('while it decrypts, no program has the identity in its arguments, nor does it lie on the disk', async () => {
  const secret =
    room.deps.identity
      .reveal()
      .split('\n')
      .find((line) => line.startsWith('AGE-SECRET')) ?? 'none'
  let looked = 0
  const get: typeof room.target.get = async (key, opts) => {
    if (key === partKey(good.sourceId, good.backupId, good.artifacts[0]?.name as never, 1)) {
      for (const pid of (await readdir('/proc')).filter((name) => /^\d+$/.test(name))) {
        const args = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')
        if (args.includes('age') && args.includes('--decrypt')) looked++
        expect(args).not.toContain(secret)
      }
      for (const name of await readdir(room.deps.scratchPath, { recursive: true }))
        expect(name).not.toContain('identity')
    }
    return room.target.get(key, opts)
  }
  const fact = await room.drill(good, { deps: { targets: new Map([[room.target.id, { ...room.target, get }]]) } })
  expect(fact.verdict).toBe('proven')
  expect(looked).toBeGreaterThan(0)
})
