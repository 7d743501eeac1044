import { createHash } from 'node:crypto'
import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { WAL_DAMAGE_BUCKET, walDamageKey } from '@lifeboat/catalog/audit/buckets.ts'
import { noteLetGo, WAL_LET_GO_BUCKET } from '@lifeboat/catalog/audit/wal-let-go.ts'
import { KvCatalog } from '@lifeboat/catalog/kv-catalog.ts'
import { WAL_BUCKET } from '@lifeboat/catalog/wal-bucket.ts'
import { WAL_RECORD_BUCKET } from '@lifeboat/catalog/wal-record.ts'
import { type BackupId, moment, type SourceId, type TargetId } from '@lifeboat/shared/domain/ids.ts'
import type { Key } from '@lifeboat/shared/domain/keys.ts'
import { clusterKey, formatLsn, segmentAt, type WalObject, type WalState, walKey } from '@lifeboat/shared/domain/wal.ts'
import { openFilesystem } from '@lifeboat/storage/filesystem.ts'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { baseFacts } from './facts.ts'
import { startFleet, type TestFleet } from './fleet.ts'
import { cli } from './run-cli.ts'

const MIB = 1 << 20
const kept = 'kept' as SourceId
const lsn = (bytes: number) => formatLsn(BigInt(bytes))
const segment = (no: number, timeline = 1): WalObject => ({
  kind: 'segment',
  segment: segmentAt(timeline, BigInt(no * MIB), MIB),
  digest: no.toString(16).padStart(16, '0'),
})

let fleet: TestFleet
beforeEach(async () => {
  fleet = await startFleet()
})
afterEach(() => fleet[Symbol.asyncDispose]())

/** Both targets with a marker and segments 1 to 4, and a base that ended in segment 1. */
async function archive(): Promise<void> {
  for (const name of ['aws', 'gcp']) {
    await mkdir(join(fleet.dir, name))
    await put(name, [clusterKey(kept), ...[1, 2, 3, 4].map((no) => walKey(kept, segment(no)))])
  }
  // It ended after the archive began, as clocks may differ.
  await take(Date.now() + 3_600_000, lsn(MIB + 100))
  await say({})
}

async function put(name: string, keys: readonly Key[]): Promise<void> {
  await using target = await openFilesystem(
    name as TargetId,
    { kind: 'filesystem', path: join(fleet.dir, name), prefix: '' } as never,
  )
  const signal = new AbortController().signal
  for (const key of keys) {
    const body = Buffer.from(key)
    const digest = (kind: string) => createHash(kind).update(body).digest('hex')
    const sums = { sha256: digest('sha256') as never, md5: digest('md5') as never }
    await target.put(key, () => Readable.from([body]), { bytes: body.length, ...sums, role: 'part', signal })
  }
}

async function take(endMs: number, endLsn: string): Promise<void> {
  const catalog = await KvCatalog.open(fleet.bus)
  for (const fact of baseFacts(endMs, endLsn)) await catalog.apply(fact)
}

async function say(over: Partial<Record<keyof WalState, unknown>>): Promise<void> {
  const there = { lsn: lsn(5 * MIB), at: moment(Date.now()) }
  const state = {
    ...{ sourceId: kept, agentId: 'db1', at: there.at, status: 'streaming', systemIdentifier: '7', timeline: 1 },
    ...{
      segmentBytes: MIB,
      serverLsn: there.lsn,
      receivedLsn: there.lsn,
      safe: there,
      targets: { aws: there, gcp: there },
    },
    slot: { name: 'lifeboat_kept', retainedBytes: 5_000_000, warnBytes: 4e9, giveUpBytes: 32e9 },
    ...over,
  }
  await (await fleet.bus.bucket(WAL_BUCKET)).put(kept, state as WalState)
}

async function remove(target: string, no: number): Promise<void> {
  const name = segmentAt(1, BigInt(no * MIB), MIB)
  const folder = join(fleet.dir, target, 'kept', 'wal', '00000001')
  for (const file of await readdir(folder)) if (file.includes(name)) await rm(join(folder, file))
}

const place = (target: string, no: number) => join(fleet.dir, target, walKey(kept, segment(no)))

const ask = async (...args: string[]) => {
  const [text, json] = await Promise.all([cli(fleet.dir, args), cli(fleet.dir, [...args, '--json'])])
  expect(json.code).toBe(text.code)
  return { code: text.code, out: text.out, err: text.err, value: JSON.parse(json.out) }
}

describe('wal audit', () => {
  test('of an archive that is whole ends with 0, and counts while it lists', async () => {
    await archive()
    const { code, out, err, value } = await ask('wal', 'audit', 'kept')
    expect({ code, err }).toMatchObject({ code: 0, err: expect.stringContaining('list kept at aws') })
    expect(value.sources[0]).toMatchObject({
      sourceId: 'kept',
      based: true,
      targets: [
        { targetId: 'aws', verdict: 'whole', objects: 4, marked: true, strange: [] },
        { targetId: 'gcp', verdict: 'whole' },
      ],
    })
    expect(out).toMatch(/aws {2}whole/)
    expect(out).toMatch(/present +0\/100064 +0\/500000/)
  })

  test('lists the histories of timelines, and misses one that another target has, and one that nobody has', async () => {
    await archive()
    const history = walKey(kept, { kind: 'history', timeline: 2, digest: '2'.repeat(16) })
    for (const name of ['aws', 'gcp']) await put(name, [walKey(kept, segment(5, 2))])
    const there = { lsn: lsn(6 * MIB), at: moment(Date.now()) }
    const ancestors = [{ timeline: 1, end: lsn(5 * MIB) }]
    await say({ timeline: 2, ancestors, serverLsn: there.lsn, safe: there, targets: { aws: there, gcp: there } })
    const nowhere = await ask('wal', 'audit', 'kept')
    expect([nowhere.code, nowhere.out]).toEqual([10, expect.stringMatching(/history: lost; without it recovery ends/)])
    await put('gcp', [history])
    const { code, out, value } = await ask('wal', 'audit', 'kept')
    expect([code, out]).toEqual([11, expect.stringMatching(/timeline 2\n +history: missing; gcp has it/)])
    expect(value.sources[0].targets).toMatchObject([
      { verdict: 'missing', timelines: [{}, { timeline: 2, history: { status: 'missing', at: ['gcp'] } }] },
      { verdict: 'whole', timelines: [{}, { timeline: 2, history: { status: 'present' } }] },
    ])
    expect(out).toMatch(/timeline 2\n +history: present/)
    await put('aws', [history])
    expect((await ask('wal', 'audit', 'kept')).code).toBe(0)
  })

  test('tells what a drill could not replay, though its name is there, until one came past it', async () => {
    await archive()
    const catalog = await KvCatalog.open(fleet.bus)
    const backupId = (await catalog.list({ limit: 1 }))[0]?.backupId as BackupId
    const drilled = (no: number, wal: object) =>
      catalog.apply({
        subject: 'drill.finished',
        data: {
          ...{
            drillId: `20260926T0${no}0000Z-drill-aaaaaa`,
            backupId,
            sourceId: kept,
            targetId: 'aws',
            verdict: 'proven',
          },
          ...{ reasons: [], finishedAt: `2026-09-26T0${no}:00:00.000Z`, wal: { to: 'latest', reasons: [], ...wal } },
        } as never,
      })
    const name = segmentAt(1, BigInt(3 * MIB), MIB)
    await drilled(1, { verdict: 'failed', reasons: ['It is truncated.'], segment: name, reached: lsn(3 * MIB) })
    const { code, out, value } = await ask('wal', 'audit')
    expect(code).toBe(11)
    expect(value.sources[0].targets).toMatchObject([
      { verdict: 'missing', broken: { segment: name } },
      { verdict: 'whole' },
    ])
    expect(out).toContain(`broken at ${name}, found by 20260926T010000Z-drill-aaaaaa`)
    const status = await ask('status')
    expect(status.out).toContain(`a drill could not replay its WAL at aws: it is broken at ${name}`)
    const shown = await ask('drill', 'show', backupId)
    expect(shown.out).toContain(`the WAL behind it is broken; the copy was judged by its own end, at ${name}`)
    await drilled(2, { verdict: 'proven', reached: lsn(5 * MIB) })
    expect((await ask('wal', 'audit')).code).toBe(0)
    expect((await ask('status')).out).not.toContain('could not replay')
  })

  test('says at which target a segment is missing, and what nobody has any more, each by an exit code of its own', async () => {
    await archive()
    await remove('aws', 2)
    const missing = await ask('wal', 'audit')
    expect(missing.code).toBe(11)
    expect(missing.value.sources[0].targets.map((one: { verdict: string }) => one.verdict)).toEqual([
      'missing',
      'whole',
    ])
    expect(missing.out).toContain(
      `${segmentAt(1, BigInt(2 * MIB), MIB)}; gcp has it, from where it comes back by itself`,
    )
    expect((await ask('wal', 'audit', 'kept', '--target', 'gcp')).code).toBe(0)
    await remove('gcp', 2)
    const lost = await ask('wal', 'audit', 'kept')
    expect(lost.code).toBe(10)
    expect(lost.out).toMatch(new RegExp(`lost +0/200000 +0/300000 +1.0 MB +${segmentAt(1, BigInt(2 * MIB), MIB)}`))
  })

  test('what a target let go is not missing there, and is at one that keeps it for longer', async () => {
    await archive()
    await take(Date.now() + 7_200_000, lsn(3 * MIB + 100))
    const there = { lsn: lsn(5 * MIB), at: moment(Date.now()) }
    const letGo = { ...there, begins: { timeline: 1, lsn: lsn(3 * MIB) } }
    await say({ targets: { aws: letGo, gcp: there } })
    const verdicts = async () => {
      const { code, value } = await ask('wal', 'audit', 'kept')
      return [code, ...value.sources[0].targets.map((one: { verdict: string }) => one.verdict)]
    }
    await remove('aws', 1)
    expect(await verdicts()).toEqual([0, 'whole', 'whole'])
    await remove('gcp', 2)
    expect(await verdicts()).toEqual([11, 'whole', 'missing'])
  })

  test('what expired while its agent did not run is shown neither as lost nor as missing', async () => {
    await archive()
    const letGo = await fleet.bus.bucket(WAL_LET_GO_BUCKET)
    const expire = async (targetId: string) => {
      const about = { sourceId: kept, targetId: targetId as TargetId }
      await noteLetGo(letGo, { ...about, timeline: 1, lsn: lsn(3 * MIB) })
      for (const no of [1, 2]) await remove(targetId, no)
    }
    const calm = async () => {
      const { code, out } = await ask('wal', 'audit', 'kept')
      expect([code, out.match(/ (lost|missing) /)]).toEqual([0, null])
    }
    await expire('aws')
    await calm()
    await take(Date.now() + 7_200_000, lsn(3 * MIB + 100))
    await expire('gcp')
    await calm()
    await remove('aws', 3)
    expect((await ask('wal', 'audit', 'kept')).out).toMatch(/missing +0\/300064 +0\/400000/)
  })

  test('tells what reading back found damaged, whether anybody can mend it, and nothing of what is mended', async () => {
    await archive()
    const damages = await fleet.bus.bucket(WAL_DAMAGE_BUCKET)
    const key = walKey(kept, segment(2))
    const at = moment(Date.now())
    const note = (more: object = {}) => {
      const about = { sourceId: kept, targetId: 'aws' as TargetId, key, found: 'damaged' as const, since: at, at }
      return damages.put(walDamageKey(about), { ...about, problem: 'its bytes are wrong', ...more })
    }
    await note()
    const found = await ask('wal', 'audit')
    expect(found.code).toBe(11)
    expect(found.value.sources[0].targets).toMatchObject([
      { verdict: 'missing', damaged: [{ key, found: 'damaged', problem: 'its bytes are wrong' }] },
      { verdict: 'whole', damaged: [] },
    ])
    expect(found.out).toContain(`damaged: ${key.slice(key.lastIndexOf('/') + 1)} since `)
    const stuck = { reason: 'nowhere' as const, why: 'no other target has it whole', tries: 1, again: at }
    await note({ stuck })
    const lost = await ask('wal', 'audit')
    expect(lost.code).toBe(10)
    expect(lost.out).toMatch(/stuck, damaged: .*`lifeboat backup now` takes a base of kept/)
    // A base that ended behind it leads past.
    await take(Date.now() + 7_200_000, lsn(3 * MIB))
    expect((await ask('wal', 'audit')).code).toBe(0)
    await note({ mended: { at } })
    const mended = await ask('wal', 'audit')
    expect(mended).toMatchObject({ code: 0, value: { sources: [{ targets: [{ damaged: [] }, { damaged: [] }] }] } })
  })

  test('a segment that was truncated at one target has another length than elsewhere, so it is read and told', async () => {
    await archive()
    const whole = await readFile(place('aws', 2))
    await writeFile(place('aws', 2), whole.subarray(0, whole.length / 2))
    const { code, out, value } = await ask('wal', 'audit')
    expect(code).toBe(11)
    expect(value.sources[0].targets).toMatchObject([
      { verdict: 'missing', damaged: [{ key: walKey(kept, segment(2)), found: 'damaged' }] },
      { verdict: 'whole', damaged: [] },
    ])
    expect(out).toContain('its bytes are not those that were put there')
    // Who looks next knows of it as well.
    const damages = await fleet.bus.bucket(WAL_DAMAGE_BUCKET)
    const noted = await damages.get(walDamageKey({ targetId: 'aws' as TargetId, key: walKey(kept, segment(2)) }))
    expect(noted?.value).toMatchObject({ found: 'damaged' })
    await writeFile(place('aws', 2), whole)
    expect((await ask('wal', 'audit', '--read')).code).toBe(0)
  })

  test('--read finds what has the right name and length and other bytes, and reads no target that was not asked about', async () => {
    await archive()
    for (const target of ['aws', 'gcp']) {
      const bytes = await readFile(place(target, 3))
      await writeFile(place(target, 3), bytes.fill(0x55, 3, 6))
    }
    expect((await ask('wal', 'audit')).code).toBe(0)
    const one = await ask('wal', 'audit', 'kept', '--target', 'gcp', '--read')
    expect(one).toMatchObject({
      code: 11,
      value: { sources: [{ targets: [{ targetId: 'gcp', verdict: 'missing' }] }] },
    })
    expect(one.err).toContain('read kept at gcp')
    expect((await ask('wal', 'audit', 'kept', '--target', 'aws')).code).toBe(0)
    expect((await ask('wal', 'audit', '--read')).value.sources[0].targets).toMatchObject([
      { verdict: 'missing', damaged: [{ key: walKey(kept, segment(3)) }] },
      { verdict: 'missing', damaged: [{ key: walKey(kept, segment(3)) }] },
    ])
  })

  test('tells what is on its way from what is late, and a target that cannot be listed from one that is empty', async () => {
    await archive()
    const safe = { lsn: lsn(5 * MIB), at: moment(Date.now() - 120_000) }
    await say({ serverLsn: lsn(5 * MIB + 500), safe, targets: { aws: safe, gcp: safe } })
    const late = await ask('wal', 'audit')
    expect(late.code).toBe(6)
    expect(late.out).toMatch(/delayed, late +0\/500000 +0\/5001F4 +500 B +the server still has it/)
    await rename(join(fleet.dir, 'gcp'), join(fleet.dir, 'gone'))
    const away = await ask('wal', 'audit')
    expect(away.code).toBe(4)
    expect(away.value.sources[0].targets[1]).toMatchObject({
      verdict: 'unreachable',
      error: { code: 'TARGET_MISSING' },
    })
  })

  test('of a source whose WAL nobody keeps is refused', async () => {
    for (const command of ['audit', 'status']) {
      const { code, value } = await ask('wal', command, 'records')
      expect([code, value.error.code, value.error.facts.kept]).toEqual([5, 'WAL_NOT_KEPT', ['kept']])
      const typo = await ask('wal', command, 'recrods')
      expect([typo.code, typo.value.error.code]).toEqual([5, 'SOURCE_UNKNOWN'])
    }
  })
})

test('wal status shows what is off-site and how much the server keeps back', async () => {
  const silent = await ask('wal', 'status')
  expect(silent).toMatchObject({ code: 6, value: { sources: [{ sourceId: 'kept', light: 'silent' }] } })
  await say({ serverLsn: lsn(5 * MIB + 2_000_000) })
  const { code, out } = await ask('wal', 'status')
  expect(code).toBe(0)
  expect(out).toMatch(/^flows {2}kept {2}timeline 1/)
  expect(out).toMatch(/off-site +0\/500000 +2.0 MB/)
  expect(out).toContain('5.0 MB kept back by slot lifeboat_kept')
})

test('status judges the promise of a source by its WAL, and says from when to when it can be recovered', async () => {
  const endedAt = Date.now() - 7_200_000
  await take(endedAt, lsn(2 * MIB))
  await say({})
  const since = { lsn: lsn(MIB), at: moment(endedAt) }
  const records = await fleet.bus.bucket(WAL_RECORD_BUCKET)
  await records.put(kept, { sourceId: kept, systemIdentifier: '7', since, safe: since, holes: [] })
  const { value, out } = await ask('status')
  const source = value.sources.find((one: { sourceId: string }) => one.sourceId === 'kept')
  expect(source).toMatchObject({
    objective: { rpoMs: 3_600_000, kept: true },
    objectives: { by: 'wal', windows: [{ from: moment(endedAt), current: true }] },
    wal: { state: { status: 'streaming' } },
  })
  expect(out).toMatch(/recoverable +any moment from .* to /)
  expect(out).toMatch(/RPO 1 h, kept: .* would be lost now · RTO 2 h, not measured yet/)
})

describe('drill run --to-time', () => {
  async function recoverable(): Promise<{ endedAt: number; safeAt: number }> {
    const [endedAt, safeAt] = [Date.now() - 7_200_000, Date.now() - 60_000]
    await take(endedAt, lsn(2 * MIB))
    const there = { lsn: lsn(5 * MIB), at: moment(safeAt) }
    await say({ safe: there, targets: { aws: there, gcp: there } })
    const since = { lsn: lsn(MIB), at: moment(endedAt) }
    const records = await fleet.bus.bucket(WAL_RECORD_BUCKET)
    await records.put(kept, { sourceId: kept, systemIdentifier: '7', since, safe: since, holes: [] })
    return { endedAt, safeAt }
  }
  const run = async (...args: string[]) => {
    const { code, out } = await cli(fleet.dir, ['drill', 'run', 'kept', '--json', ...args])
    return { code, value: JSON.parse(out) }
  }

  test('asks for a random moment of the window, for a given one, and for as far as it goes', async () => {
    const { endedAt, safeAt } = await recoverable()
    const random = await run('--to-time', 'random')
    expect(random).toMatchObject({ code: 0, value: { sourceId: 'kept', kind: 'base' } })
    const time = Date.parse(random.value.recoverTo.time)
    expect(time > endedAt && time <= safeAt).toBe(true)
    const given = new Date(safeAt - 600_000)
    const offset = new Date(given.getTime() + 7_200_000).toISOString().replace('Z', '+02:00')
    expect((await run('--to-time', offset)).value.recoverTo).toEqual({ time: given.toISOString() })
    expect((await run('--to-time', 'latest', '--target', 'gcp')).value).toMatchObject({
      recoverTo: 'latest',
      targetId: 'gcp',
      held: { timeline: 1, lsn: lsn(5 * MIB) },
    })
  })

  test('needs no name where the WAL of one source alone is kept', async () => {
    await recoverable()
    const { code, out } = await cli(fleet.dir, ['drill', 'run', '--to-time', 'random', '--json'])
    expect([code, JSON.parse(out)]).toMatchObject([0, { sourceId: 'kept', recoverTo: { time: expect.any(String) } }])
    const which = await cli(fleet.dir, ['drill', 'run', '--json'])
    expect([which.code, which.out]).toEqual([2, expect.stringContaining('say which backup or source')])
  })

  test('refuses beforehand what cannot be reached, and a time without an offset with the way to write it', async () => {
    await recoverable()
    const refused = async (text: string) => {
      const { code, value } = await run('--to-time', text)
      return [code, value.error.code]
    }
    expect(await refused('2026-09-26 14:00')).toEqual([2, 'RECOVERY_TIME_UNZONED'])
    expect(await refused('2020-01-01T00:00:00Z')).toEqual([7, 'RECOVERY_BEFORE_WINDOW'])
    expect(await refused('2099-01-01T00:00:00Z')).toEqual([7, 'RECOVERY_IN_FUTURE'])
  })
})

test('backup show says where in the log a base lies and that its pages are sound', async () => {
  await take(Date.UTC(2026, 8, 26, 2), '0/2000100')
  const { out } = await ask('backup', 'show', '20260926T015900Z-base-aaaaaa')
  expect(out).toContain('timeline 1, 0/100028 to 0/2000100, where it is consistent')
  expect(out).toContain('no page was damaged')
})
