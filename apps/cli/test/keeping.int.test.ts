import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { SURVEYS_BUCKET, type TargetSurvey } from '@lifeboat/catalog/audit/buckets.ts'
import { HOLDS_BUCKET, MARKS_BUCKET, markKey } from '@lifeboat/catalog/expiry/buckets.ts'
import { KvCatalog } from '@lifeboat/catalog/kv-catalog.ts'
import { CopyExpiryRequested, HoldPlaced, HoldReleased } from '@lifeboat/shared/bus/messages/expiry.ts'
import { type BackupId, moment, newMarkId, type SourceId, type TargetId } from '@lifeboat/shared/domain/ids.ts'
import { factsThat, whenFacts } from '@lifeboat/testkit/facts.ts'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { backupFacts } from './facts.ts'
import { configText, keepPresent, startFleet, type TestFleet } from './fleet.ts'
import { cli } from './run-cli.ts'

const HOUR = 3_600_000
let fleet: TestFleet
const stack = new AsyncDisposableStack()
const backupIds: string[] = []

/** Five proven dumps, of which the rules keep the newest, at a target that may be removed from. */
beforeAll(async () => {
  fleet = stack.use(await startFleet())
  const text = configText(fleet.nats.url, fleet.dir)
    .replace(/^ {2}aws: .*$/m, `  aws: { kind: filesystem, path: "${fleet.dir}/aws", removal: { allowed: true } }`)
    .replace('copies: { required: 1 } }', 'copies: { required: 1 }, keep: { last: 1, minAge: 0s } }')
  await writeFile(join(fleet.dir, 'lifeboat.yaml'), text)
  const catalog = await KvCatalog.open(fleet.bus)
  for (const hours of [5, 4, 3, 2, 1]) {
    const facts = backupFacts(Date.now() - hours * HOUR, `${hours}aaaaa`)
    backupIds.push(facts.backupId)
    await catalog.apply({ subject: 'backup.sealed', data: facts.sealed })
    await catalog.apply({ subject: 'copy.stored', data: facts.copyStored('aws') })
    await catalog.apply({ subject: 'drill.finished', data: facts.drillFinished('aws', 'proven') })
  }
  const at = moment(Date.now())
  const survey = { targetId: 'aws', at, objects: 1, bytes: 1, backups: 5, missing: 0, damaged: 0, unknown: {} }
  const surveys = await fleet.bus.bucket(SURVEYS_BUCKET)
  await surveys.put('aws', { ...survey, orphans: { objects: 0, bytes: 0 } } as unknown as TargetSurvey)
  const present = () => ({ service: 'scheduler', id: 'scheduler', startedAt: at, at: moment(Date.now()) })
  stack.use(await keepPresent(fleet.bus, present))
})
afterAll(() => stack.disposeAsync())

const json = async (args: string[]) => JSON.parse((await cli(fleet.dir, [...args, '--json'])).out)

describe('hold', () => {
  test('of a backup counts at once, is told, and ends with its release, which is told once more', async () => {
    const [oldest = ''] = backupIds
    const hold = await json(['hold', 'add', oldest, '--why', 'audit of 2026'])
    expect(hold).toMatchObject({ sourceId: 'records', backupId: oldest, why: 'audit of 2026' })
    const kept = await fleet.bus.bucket(HOLDS_BUCKET)
    expect((await kept.get(hold.holdId))?.value).toEqual(hold)
    expect(await whenFacts(fleet.bus, HoldPlaced, () => true, { count: 1 })).toEqual([hold])
    expect((await cli(fleet.dir, ['hold', 'list'])).out).toContain('audit of 2026')
    expect((await json(['expiry', 'plan'])).letGo).toBe(3)

    const released = await json(['hold', 'release', hold.holdId, '--why', 'audit is over'])
    expect(released).toMatchObject({ ...hold, released: { why: 'audit is over' } })
    expect(await whenFacts(fleet.bus, HoldReleased, () => true, { count: 1 })).toEqual([released])
    // Who released it first, and why, stays.
    expect(await json(['hold', 'release', hold.holdId, '--why', 'again'])).toEqual(released)
    expect((await cli(fleet.dir, ['hold', 'list'])).out).toBe('nothing is held\n')
    expect(await json(['hold', 'list', '--all'])).toEqual([released])
    expect((await json(['expiry', 'plan'])).letGo).toBe(4)
  })

  test('of a source keeps all of it', async () => {
    const added = await cli(fleet.dir, ['hold', 'add', 'records', '--why', 'incident 17'])
    expect(added).toMatchObject({ code: 0, out: expect.stringContaining('nothing of records is let go until it') })
    expect((await json(['expiry', 'plan'])).letGo).toBe(0)
    const [{ holdId }] = await json(['hold', 'list'])
    const release = await cli(fleet.dir, ['hold', 'release', holdId, '--why', 'solved'])
    expect(release).toMatchObject({ code: 0, out: `${holdId} is released\n` })
  })

  test('of what nobody knows is refused', async () => {
    const why = ['--why', 'x']
    expect(await cli(fleet.dir, ['hold', 'add', 'recrods', ...why])).toMatchObject({
      ...{ code: 5, err: expect.stringContaining('Did you mean records?') },
    })
    const nobodys = '20200101T000000Z-dump-aaaaaa'
    expect(await cli(fleet.dir, ['hold', 'add', nobodys, ...why])).toMatchObject({
      ...{ code: 5, err: expect.stringContaining('BACKUP_UNKNOWN') },
    })
    for (const hold of ['20200101T000000Z-hold-aaaaaa', 'no hold.at all'])
      expect(await cli(fleet.dir, ['hold', 'release', hold, ...why])).toMatchObject({
        ...{ code: 5, err: expect.stringContaining('HOLD_UNKNOWN') },
      })
    expect(await json(['hold', 'list'])).toEqual([])
  })
})

test('more than may go without a second look goes with --even-so only', async () => {
  const { digest, excess } = await json(['expiry', 'plan'])
  expect(excess).toEqual([expect.stringMatching(/^4 of the 5 backups of \S+ of records at aws would go, and nothing/)])
  const apply = ['expiry', 'apply', '--plan', digest]
  const refused = await cli(fleet.dir, apply)
  expect(refused).toMatchObject({ code: 7, err: expect.stringContaining('EXPIRY_TOO_MUCH') })
  expect(await Array.fromAsync(fleet.bus.waiting(CopyExpiryRequested))).toEqual([])
  expect(await json([...apply, '--even-so'])).toMatchObject({ digest, copies: 4, wal: 0 })
  const asked = await Array.fromAsync(fleet.bus.waiting(CopyExpiryRequested))
  expect(asked).toHaveLength(4)
  expect(await factsThat(fleet.bus, HoldPlaced)).toHaveLength(2)
})

describe('expiry undo', () => {
  test('brings back what the backup needs as well, and is refused once that is gone', async () => {
    const hidden = await hiddenChain(['7aaaaa', '8aaaaa', '9aaaaa'])
    const [base = '', child = '', grandchild = ''] = hidden
    const before = (await Array.fromAsync(fleet.bus.waiting(CopyExpiryRequested))).length
    const undone = await json(['expiry', 'undo', grandchild])
    expect(undone).toMatchObject({ backupId: grandchild, targets: ['aws'], needed: [child, base] })
    const asked = (await Array.fromAsync(fleet.bus.waiting(CopyExpiryRequested))).slice(before)
    expect(asked.map(({ data }) => [data.step, data.backupId])).toEqual(
      [base, child, grandchild].map((id) => ['unmark', id]),
    )

    const [lost = '', , orphan = ''] = await hiddenChain(['7bbbbb', '8bbbbb', '9bbbbb'])
    const catalog = await KvCatalog.open(fleet.bus)
    const about = { backupId: lost, sourceId: 'records', targetId: 'aws', markId: newMarkId(Date.now()) }
    const expired = { ...about, expiredAt: moment(Date.now()), objects: 1, bytes: 1 }
    await catalog.apply({ subject: 'copy.expired', data: expired as never })
    const holds = (await json(['hold', 'list'])).length
    const refused = await cli(fleet.dir, ['expiry', 'undo', orphan])
    expect(refused).toMatchObject({ code: 7, err: expect.stringContaining(`needed: ${lost}`) })
    expect(await json(['hold', 'list'])).toHaveLength(holds)
  })
})

/** A base and what stands on it, each hidden. */
async function hiddenChain(suffixes: string[]): Promise<BackupId[]> {
  const catalog = await KvCatalog.open(fleet.bus)
  const marks = await fleet.bus.bucket(MARKS_BUCKET)
  const chain: BackupId[] = []
  for (const [no, suffix] of suffixes.entries()) {
    const facts = backupFacts(Date.now() - (20 - no) * HOUR, suffix)
    const physical = {
      ...{ timeline: 1, startLsn: '0/1000000', endLsn: '0/1000100', segmentBytes: 16_777_216, chain: no },
      ...{ fromStandby: false, checksums: { enabled: true, failures: [] }, tablespaces: [] },
    }
    const parent = chain.at(-1)
    const sealed = { ...facts.sealed, physical: { ...physical, ...(parent && { parent }) } } as never
    await catalog.apply({ subject: 'backup.sealed', data: sealed })
    await catalog.apply({ subject: 'copy.stored', data: facts.copyStored('aws') })
    const nowMs = Date.now()
    const about = { sourceId: 'records' as SourceId, backupId: facts.backupId, targetId: 'aws' as TargetId }
    const times = { markedAt: moment(nowMs), removeAfter: moment(nowMs + HOUR) }
    const mark = { ...about, markId: newMarkId(nowMs), by: 'ada', reasons: ['no rule keeps it'], ...times }
    await marks.put(markKey(mark), { ...mark, state: 'marked' })
    await catalog.apply({ subject: 'copy.marked', data: mark as never })
    chain.push(facts.backupId)
  }
  return chain
}
