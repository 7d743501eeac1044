import { readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { WAL_DAMAGE_BUCKET, walDamageKey } from '@lifeboat/catalog/audit/buckets.ts'
import { noteLetGo, WAL_LET_GO_BUCKET } from '@lifeboat/catalog/audit/wal-let-go.ts'
import { KvCatalog } from '@lifeboat/catalog/kv-catalog.ts'
import { type BackupId, moment, type TargetId } from '@lifeboat/shared/domain/ids.ts'
import { segmentAt, walKey } from '@lifeboat/shared/domain/wal.ts'
import { describe, expect, test } from 'vitest'
import { kept, keptWal, lsn, MIB, segment } from './kept-wal.ts'

const house = keptWal()
const { archive, put, take, say, remove, place, ask } = house

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
    const catalog = await KvCatalog.open(house.fleet.bus)
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
    const letGo = await house.fleet.bus.bucket(WAL_LET_GO_BUCKET)
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
    const damages = await house.fleet.bus.bucket(WAL_DAMAGE_BUCKET)
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
    const damages = await house.fleet.bus.bucket(WAL_DAMAGE_BUCKET)
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
    await rename(join(house.fleet.dir, 'gcp'), join(house.fleet.dir, 'gone'))
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
