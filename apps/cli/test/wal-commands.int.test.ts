import { WAL_RECORD_BUCKET } from '@lifeboat/catalog/wal-record.ts'
import { moment } from '@lifeboat/shared/domain/ids.ts'
import { describe, expect, test } from 'vitest'
import { kept, keptWal, lsn, MIB } from './kept-wal.ts'
import { cli } from './run-cli.ts'

const house = keptWal()
const { take, say, ask } = house

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
  const records = await house.fleet.bus.bucket(WAL_RECORD_BUCKET)
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
    const records = await house.fleet.bus.bucket(WAL_RECORD_BUCKET)
    await records.put(kept, { sourceId: kept, systemIdentifier: '7', since, safe: since, holes: [] })
    return { endedAt, safeAt }
  }
  const run = async (...args: string[]) => {
    const { code, out } = await cli(house.fleet.dir, ['drill', 'run', 'kept', '--json', ...args])
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
    const { code, out } = await cli(house.fleet.dir, ['drill', 'run', '--to-time', 'random', '--json'])
    expect([code, JSON.parse(out)]).toMatchObject([0, { sourceId: 'kept', recoverTo: { time: expect.any(String) } }])
    const which = await cli(house.fleet.dir, ['drill', 'run', '--json'])
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
