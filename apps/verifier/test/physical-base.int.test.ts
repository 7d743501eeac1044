import type { SourceId } from '@lifeboat/shared/domain/ids.ts'
import type { Manifest } from '@lifeboat/shared/domain/manifest.ts'
import { parseWalKey } from '@lifeboat/shared/domain/wal.ts'
import { startPostgres, type TestPostgres } from '@lifeboat/testkit/postgres.ts'
import { type SealedBase, sealBase } from '@lifeboat/testkit/seal-base.ts'
import { sealWal } from '@lifeboat/testkit/seal-wal.ts'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type DrillRoom, openDrillRoom } from './drill-room.ts'
import { makeRecords } from './records.ts'

let room: DrillRoom
let pg: TestPostgres
let base: SealedBase
let between: string
/** The heartbeat that was there when the base began. */
let beaten: string
const assertions = [{ name: 'there are patients', sql: 'select count(*) from patient', expect: { equals: 500 } }]
const heartbeats = new Map([['records' as SourceId, { schema: 'lifeboat', everyMs: 1000 }]])

beforeAll(async () => {
  room = await openDrillRoom()
  pg = await startPostgres({ settings: { wal_keep_size: '1GB' } })
  const { target, recipient, agent: signer } = room
  await makeRecords(pg)
  await pg.query(
    'records',
    'create schema lifeboat; create table lifeboat.heartbeat (id int primary key, beat_at timestamptz, beat bigint)',
  )
  beaten = await beat()
  const change = (manifest: Manifest) =>
    ({ ...manifest, physical: { ...manifest.physical, heartbeatAt: beaten } }) as Manifest
  base = await sealBase({ pg, database: 'records', target, recipient, signer, change })
  await pg.query('records', 'select pg_switch_wal()')
  await beat()
  await pg.query('records', 'select pg_sleep(0.02)')
  const [{ now }] = await pg.query('records', 'select clock_timestamp() as now')
  between = now.toISOString()
  await pg.query('records', 'select pg_sleep(0.02)')
  await pg.query('records', 'drop table observation, patient; select pg_switch_wal()')
  await beat()
  await sealWal({ pg, target, recipient })
})
afterAll(async () => {
  await pg?.[Symbol.asyncDispose]()
  await room?.[Symbol.asyncDispose]()
})

async function beat(): Promise<string> {
  const [{ at }] = await pg.query(
    'records',
    `insert into lifeboat.heartbeat values (1, clock_timestamp(), 1)
     on conflict (id) do update set beat_at = excluded.beat_at, beat = heartbeat.beat + 1 returning beat_at as at`,
  )
  return at.toISOString()
}

test('a base is proven: rebuilt, held against its list, recovered, questioned', async () => {
  const fact = await room.drill(base.manifest, { rules: { assertions }, deps: { heartbeats } })
  expect(fact).toMatchObject({ verdict: 'proven', reasons: [] })
  const evidence = await room.evidence(fact)
  expect(
    evidence.checks.map(({ check, answer, subject }) => [check, subject, answer].filter(Boolean).join(' ')),
  ).toEqual([
    'manifest passed',
    'digests inventory passed',
    'digests documents passed',
    'decrypt passed',
    'restore passed',
    'backup-manifest passed',
    'recover passed',
    'recover machine passed',
    'heartbeat passed',
    'assertion there are patients passed',
    'amcheck postgres passed',
    'amcheck records passed',
    'amcheck template1 passed',
    'checksums skipped',
  ])
  expect(Object.keys(evidence.phases)).toEqual(['download', 'fetch', 'boot', 'extract', 'verify', 'replay', 'check'])
  expect(evidence.recovered).toMatchObject({ to: 'end of backup', timeline: 1 })
  expect(evidence.recoveryMs).toBeGreaterThan(0)
  // What the agent encrypted by itself stock software opened.
  expect(evidence.tools.age).toBeTruthy()
  expect(await room.leftovers()).toEqual([])
})

test('a drill to a moment before the tables were dropped finds them, and the heartbeat proves the moment', async () => {
  const recoverTo = { time: between as never }
  const fact = await room.drill(base.manifest, { rules: { assertions }, deps: { heartbeats }, wish: { recoverTo } })
  expect(fact).toMatchObject({ verdict: 'proven', reasons: [] })
  const { recovered, checks } = await room.evidence(fact)
  expect(recovered?.to).toEqual({ time: between })
  expect(recovered?.heartbeatAt && recovered.heartbeatAt <= between).toBe(true)
  expect(checks.find(({ check }) => check === 'heartbeat')).toMatchObject({ answer: 'passed' })
})

test('a base without the heartbeat that was there when it began is failed', async () => {
  const elsewhere = new Map([['records' as SourceId, { schema: 'public', everyMs: 1000 }]])
  const fact = await room.drill(base.manifest, { rules: { amcheck: false }, deps: { heartbeats: elsewhere } })
  expect(fact).toMatchObject({ verdict: 'failed', reasons: [expect.stringContaining(`had written one at ${beaten}`)] })
})

test('WAL that leads behind a base without the heartbeat the target is known to hold is failed, and the base is proven', async () => {
  const heartbeatAt = new Date(Date.now() + 60_000).toISOString() as never
  const held = { timeline: 1, lsn: base.manifest.physical.endLsn, heartbeatAt }
  const wish = { recoverTo: 'latest', held } as const
  const fact = await room.drill(base.manifest, { rules: { amcheck: false }, deps: { heartbeats }, wish })
  expect(fact).toMatchObject({ verdict: 'proven', reasons: [], wal: { to: 'latest', verdict: 'failed' } })
  expect(fact.wal?.reasons).toEqual([expect.stringContaining(`had written one at ${heartbeatAt}`)])
  const { recovered } = await room.evidence(fact)
  expect(fact.wal?.reached).toBe(recovered?.lsn)
})

test('a heartbeat of which the verifier is told nothing leaves the WAL inconclusive, with what to configure', async () => {
  const wish = { recoverTo: { time: between as never } } as const
  const fact = await room.drill(base.manifest, { rules: { assertions, amcheck: false }, wish })
  expect(fact).toMatchObject({ verdict: 'proven', reasons: [], wal: { verdict: 'inconclusive' } })
  expect(fact.wal?.reasons).toEqual([expect.stringContaining(beaten)])
  const { checks } = await room.evidence(fact)
  expect(checks.find(({ check }) => check === 'heartbeat')).toMatchObject({
    answer: 'unable',
    error: { code: 'DRILL_HEARTBEAT_UNDESCRIBED', hint: expect.stringContaining('`wal` section') },
  })
})

test('a heartbeat that is turned off is left out, and to the end of the backup one nobody describes is told', async () => {
  const rules = { assertions, amcheck: false }
  const off = new Map([['records' as SourceId, 'off' as const]])
  const wish = { recoverTo: { time: between as never } } as const
  const without = await room.drill(base.manifest, { rules, deps: { heartbeats: off }, wish })
  expect(without).toMatchObject({ verdict: 'proven', wal: { verdict: 'proven' } })
  const toItsEnd = await room.drill(base.manifest, { rules })
  expect(toItsEnd).toMatchObject({ verdict: 'proven' })
  const { checks } = await room.evidence(toItsEnd)
  const beat = checks.find(({ check }) => check === 'heartbeat')
  expect(beat).toMatchObject({ answer: 'skipped', detail: expect.stringContaining(beaten) })
})

test('a drill to the latest finds them dropped', async () => {
  const wish = { recoverTo: 'latest' } as const
  const fact = await room.drill(base.manifest, { rules: { assertions, amcheck: false }, deps: { heartbeats }, wish })
  expect(fact.reasons).toEqual(['assertion there are patients: The query failed: relation "patient" does not exist.'])
})

test('a moment of which the archive holds nothing leaves that question open; the copy is proven for its own moment', async () => {
  const wish = { recoverTo: { time: new Date().toISOString() as never } }
  const fact = await room.drill(base.manifest, { rules: { assertions }, deps: { heartbeats }, wish })
  expect(fact).toMatchObject({
    verdict: 'proven',
    reasons: [],
    wal: { ...{ verdict: 'inconclusive' }, to: wish.recoverTo },
  })
  expect(fact.wal?.reasons.join()).toContain('lies behind the end of the archived WAL')
})

test('WAL that was replayed is told as such, with how far it came', async () => {
  const fact = await room.drill(base.manifest, {
    rules: { amcheck: false },
    deps: { heartbeats },
    wish: { recoverTo: 'latest' },
  })
  const { recovered } = await room.evidence(fact)
  expect(fact.wal).toEqual({ to: 'latest', verdict: 'proven', reasons: [], reached: recovered?.lsn })
})

const walKeys = () => [...room.target.objects.keys()].filter((key) => parseWalKey(key)).sort()
const segmentIn = (key: string) => /[0-9A-F]{24}/.exec(key)?.[0]
const NOT_ITSELF = 'An object of the WAL archive is not what its name says'

test.each([
  ['missing', 'wal archive: WAL is missing on the way', (key: string) => void room.target.objects.delete(key)],
  ['truncated', `wal replay: ${NOT_ITSELF}`, (key: string) => halve(key)],
  ['exchanged for another', `wal replay: ${NOT_ITSELF}`, (key: string) => exchange(key)],
])(
  'WAL that is %s is told with its segment, and the base before it is proven for its own moment',
  async (_, reason, harm) => {
    const keys = walKeys()
    const [victim = ''] = keys.filter((key) => parseWalKey(key)?.kind === 'segment').slice(-1)
    const good = room.target.objects.get(victim) as Buffer
    harm(victim)
    try {
      const fact = await room.drill(base.manifest, {
        rules: { assertions },
        deps: { heartbeats },
        wish: { recoverTo: 'latest' },
      })
      expect(fact).toMatchObject({ verdict: 'proven', reasons: [] })
      expect(fact.wal).toMatchObject({ to: 'latest', verdict: 'failed', segment: segmentIn(victim) })
      expect(fact.wal?.reasons.join()).toContain(reason)
      const { checks, recovered, wal } = await room.evidence(fact)
      expect(wal).toEqual(fact.wal)
      expect(checks.filter(({ check }) => check === 'wal').at(-1)).toMatchObject({ answer: 'failed' })
      expect(recovered).toMatchObject({ to: 'end of backup', lsn: expect.any(String) })
      expect(await room.leftovers()).toEqual([])
    } finally {
      room.target.objects.set(victim, good)
    }
  },
)

test('WAL that is gone from the end of the archive is told, where the target had confirmed it', async () => {
  const [victim = ''] = walKeys().slice(-1)
  const good = room.target.objects.get(victim) as Buffer
  const drill = async (held: object) => {
    const wish = { recoverTo: 'latest', ...held } as const
    return await room.drill(base.manifest, { rules: { amcheck: false }, deps: { heartbeats }, wish })
  }
  const { reached } = (await drill({})).wal ?? {}
  const held = { held: { timeline: 1, lsn: reached as never } }
  expect((await drill(held)).wal).toMatchObject({ verdict: 'proven' })
  room.target.objects.delete(victim)
  try {
    expect((await drill({})).wal).toMatchObject({ verdict: 'proven' })
    const fact = await drill(held)
    expect(fact).toMatchObject({ verdict: 'proven', wal: { verdict: 'failed', segment: segmentIn(victim) } })
    expect(fact.wal?.reasons.join()).toContain(`this target confirmed WAL up to ${reached}`)
  } finally {
    room.target.objects.set(victim, good)
  }
})

test('a base that does not come back itself is disproven, whatever its WAL is like', async () => {
  const keys = walKeys()
  const [victim = ''] = keys.filter((key) => parseWalKey(key)?.kind === 'segment').slice(-1)
  const part = [...room.target.objects.keys()].find((key) => key.includes('/base.tar')) as string
  const [wal, data] = [victim, part].map((key) => room.target.objects.get(key) as Buffer)
  halve(victim)
  room.target.objects.set(part, Buffer.from(data as Buffer).fill(0x55, 400, 500))
  try {
    const fact = await room.drill(base.manifest, { wish: { recoverTo: 'latest' } })
    expect(fact).toMatchObject({ verdict: 'failed' })
    expect(fact.reasons.join()).toContain('restore')
  } finally {
    room.target.objects.set(victim, wal as Buffer)
    room.target.objects.set(part, data as Buffer)
  }
})

function halve(key: string): void {
  const bytes = room.target.objects.get(key) as Buffer
  room.target.objects.set(key, bytes.subarray(0, bytes.length / 2))
}

function exchange(key: string): void {
  const other = walKeys().find((each) => each !== key && parseWalKey(each)?.kind === 'segment') as string
  room.target.objects.set(key, room.target.objects.get(other) as Buffer)
}
