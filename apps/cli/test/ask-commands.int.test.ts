import { setTimeout as sleep } from 'node:timers/promises'
import { KvCatalog } from '@lifeboat/catalog/kv-catalog.ts'
import { Ledger } from '@lifeboat/catalog/ledger.ts'
import { BackupRequested, BackupSealed, BackupStarted } from '@lifeboat/shared/bus/messages/backup.ts'
import { CopyStored } from '@lifeboat/shared/bus/messages/copy.ts'
import { DrillFinished, DrillRequested } from '@lifeboat/shared/bus/messages/drill.ts'
import { PartStored } from '@lifeboat/shared/bus/messages/part.ts'
import { moment, type RunId } from '@lifeboat/shared/domain/ids.ts'
import { CANCELS_BUCKET } from '@lifeboat/shared/run/cancels.ts'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { backupFacts } from './facts.ts'
import { startFleet, type TestFleet } from './fleet.ts'
import { cli, startCli } from './run-cli.ts'

let fleet: TestFleet
let wishes: BackupRequested[]
let drills: DrillRequested[]
let stop: AbortController

beforeAll(async () => {
  fleet = await startFleet()
})
afterAll(() => fleet[Symbol.asyncDispose]())
// A stand-in for agent and verifier: it only notes what it is asked.
beforeEach(async () => {
  ;[wishes, drills, stop] = [[], [], new AbortController()]
  await fleet.bus.consume({ type: BackupRequested, durable: 'agent-db1' }, async (wish) => void wishes.push(wish), {
    signal: stop.signal,
  })
  await fleet.bus.consume({ type: DrillRequested, durable: 'verifier' }, async (wish) => void drills.push(wish), {
    signal: stop.signal,
  })
})
afterEach(() => stop.abort())

const WAIT = { timeout: 90_000, interval: 20 }
const asked = <T>(list: () => T[]) =>
  vi.waitFor(() => (list().length > 0 ? (list()[0] as T) : Promise.reject(new Error('nothing asked'))), WAIT)
const heard = (text: () => string, words: string) => vi.waitFor(() => expect(text()).toContain(words), WAIT)

describe('backup now', () => {
  test('writes the run into the ledger and asks the agent of the source', async () => {
    const { code, out } = await cli(fleet.dir, ['backup', 'now', 'records', '--json'])
    expect(code).toBe(0)
    const [run] = JSON.parse(out).runs
    expect(run).toMatchObject({ sourceId: 'records', policyId: 'daily' })
    expect(await asked(() => wishes)).toMatchObject({ runId: run.runId, agentId: 'db1', requestedBy: 'operator' })
    const entry = await (await Ledger.open(fleet.bus)).get(run.runId)
    expect(entry).toMatchObject({ state: 'wished', requestedBy: 'operator' })
    expect(Date.parse(entry?.deadlineAt ?? '') - Date.parse(entry?.dueAt ?? '')).toBe((6 * 60 + 15) * 60_000)
  })

  test('--wait tells how it goes and ends with 0 once enough targets hold it', async () => {
    const run = startCli(fleet.dir, ['backup', 'now', 'daily', '--wait'])
    const { runId } = await asked(() => wishes)
    const facts = backupFacts(Date.now(), 'aaaaaa', { runId })
    await fleet.bus.publish(BackupStarted, facts.started)
    await heard(run.err, `backup ${facts.backupId} begun`)
    fleet.bus.sendProgress({
      runId,
      service: 'backup-agent',
      at: Date.now(),
      phase: 'dump',
      done: 1e8,
      total: 4e8,
      unit: 'bytes',
    })
    await heard(run.err, 'dump  25 % of 400 MB')
    await fleet.bus.publish(BackupSealed, facts.sealed)
    await fleet.bus.publish(PartStored, facts.partStored(0, 'aws'))
    await heard(run.err, 'store  ')
    await fleet.bus.publish(CopyStored, facts.copyStored('aws'))
    await heard(run.err, 'stored at aws')
    // Whoever asks for the backup right behind this command finds it in the catalogue as it was told here.
    const catalog = await KvCatalog.open(fleet.bus)
    await catalog.apply({ subject: 'backup.started', data: facts.started })
    await catalog.apply({ subject: 'backup.sealed', data: facts.sealed })
    expect(await Promise.race([run.end, sleep(500)])).toBeUndefined()
    await catalog.apply({ subject: 'copy.stored', data: facts.copyStored('aws') })
    expect(await run.end).toMatchObject({ code: 0, out: `done  ${facts.backupId}: stored at aws\n` })
    expect(run.err()).not.toContain('\u001b')
  })

  test('--wait ends with 7 and the reason when the run is given up', async () => {
    const run = startCli(fleet.dir, ['backup', 'now', 'records', '--wait', 'proven', '--json'])
    const { runId } = await asked(() => wishes)
    const ledger = await Ledger.open(fleet.bus)
    await vi.waitFor(async () => expect((await ledger.get(runId))?.state).toBe('wished'), WAIT)
    await ledger.apply(runId, 'miss', { reason: 'no agent took it' })
    const { code, out, err } = await run.end
    expect(code).toBe(7)
    expect(JSON.parse(out).runs).toEqual([
      expect.objectContaining({ runId, outcome: 'failed', runState: 'missed', reason: 'no agent took it' }),
    ])
    expect(err).toBe('')
  })

  test('--timeout stops the waiting with 9, Ctrl-C with 130, and both say that the run goes on', async () => {
    const late = await cli(fleet.dir, ['backup', 'now', 'records', '--wait', '--timeout', '500ms'])
    expect(late).toMatchObject({ code: 9, out: expect.stringContaining('goes on') })
    const run = startCli(fleet.dir, ['backup', 'now', 'records', '--wait'])
    await heard(run.err, 'run daily.records.')
    run.child.kill('SIGINT')
    expect(await run.end).toMatchObject({
      code: 130,
      out: expect.stringContaining('goes on; `lifeboat run cancel daily.records.'),
    })
    // What is heard late would be heard in the next test.
    await vi.waitFor(() => expect(wishes).toHaveLength(2), WAIT)
  })

  test('a name nobody knows asks nobody', async () => {
    expect(await cli(fleet.dir, ['backup', 'now', 'dialy'])).toMatchObject({
      code: 5,
      err: expect.stringContaining('Did you mean daily?'),
    })
    expect(wishes).toEqual([])
  })
})

describe('drill run', () => {
  /** Stored at two targets and drilled at one. */
  async function known(suffix: string) {
    const facts = backupFacts(Date.now() - 3_600_000, suffix)
    const catalog = await KvCatalog.open(fleet.bus)
    await catalog.apply({ subject: 'backup.started', data: facts.started })
    await catalog.apply({ subject: 'backup.sealed', data: facts.sealed })
    for (const target of ['aws', 'gcp']) await catalog.apply({ subject: 'copy.stored', data: facts.copyStored(target) })
    await catalog.apply({ subject: 'drill.finished', data: facts.drillFinished('aws', 'proven') })
    return { facts, catalog }
  }

  const verdicts = [
    ['proven', 0],
    ['failed', 7],
    ['inconclusive', 8],
  ] as const
  for (const [verdict, code] of verdicts)
    test(`--wait ends with ${code} when the verdict is ${verdict}`, async () => {
      const { facts, catalog } = await known(`${code}ccccc`)
      const run = startCli(fleet.dir, ['drill', 'run', facts.backupId, '--wait', '--json'])
      const { runId, targetId } = await asked(() => drills)
      expect(targetId).toBe('gcp')
      const finished = facts.drillFinished(targetId, verdict, { runId, drill: `${code}aaaaa` })
      await fleet.bus.publish(DrillFinished, finished)
      // Whoever asks for the copy right behind this command finds the drill in the catalogue.
      expect(await Promise.race([run.end, sleep(500)])).toBeUndefined()
      await catalog.apply({ subject: 'drill.finished', data: finished })
      const end = await run.end
      expect(end.code).toBe(code)
      expect(JSON.parse(end.out)).toMatchObject({ verdict, targetId: 'gcp', runId })
    })

  test('--target chooses the copy; a target without one is refused', async () => {
    const { facts } = await known('cccccc')
    expect((await cli(fleet.dir, ['drill', 'run', facts.backupId, '--target', 'aws'])).code).toBe(0)
    expect(await asked(() => drills)).toMatchObject({ targetId: 'aws', requestedBy: 'operator' })
    expect(await cli(fleet.dir, ['drill', 'run', facts.backupId, '--target', 'azure'])).toMatchObject({
      code: 5,
      err: expect.stringContaining('TARGET_UNKNOWN'),
    })
  })

  test('a backup no target holds yet cannot be drilled', async () => {
    const young = backupFacts(Date.now(), 'dddddd')
    await (await KvCatalog.open(fleet.bus)).apply({ subject: 'backup.started', data: young.started })
    expect(await cli(fleet.dir, ['drill', 'run', young.backupId])).toMatchObject({
      code: 7,
      err: expect.stringContaining('COPY_INCOMPLETE'),
    })
  })
})

describe('run cancel', () => {
  const runOf = async (name: string) => {
    const runId = `daily.records.${name}` as RunId
    const at = moment(Date.now())
    const ledger = await Ledger.open(fleet.bus)
    await ledger.expect({
      runId,
      sourceId: 'records',
      policyId: 'daily',
      kind: 'dump',
      requestedBy: 'schedule',
      dueAt: at,
      lateAt: at,
      deadlineAt: at,
    } as never)
    return { runId, ledger }
  }

  test('a run nobody began is over at once', async () => {
    const { runId, ledger } = await runOf('20260926T020000Z')
    expect(await cli(fleet.dir, ['run', 'cancel', runId])).toMatchObject({
      code: 0,
      out: expect.stringContaining('before it began'),
    })
    expect(await ledger.get(runId)).toMatchObject({
      state: 'cancelled',
      reason: expect.stringContaining('cancelled by operator'),
    })
  })

  test('a run under way is asked to end, and stays running until its agent says otherwise', async () => {
    const { runId, ledger } = await runOf('20260926T030000Z')
    await ledger.apply(runId, 'begin')
    const { code, out } = await cli(fleet.dir, ['run', 'cancel', runId, '--json'])
    expect({ code, value: JSON.parse(out) }).toEqual({ code: 0, value: { runId, state: 'ending' } })
    expect((await ledger.get(runId))?.state).toBe('running')
    const cancel = await (await fleet.bus.bucket(CANCELS_BUCKET)).get(runId)
    expect(cancel?.value).toMatchObject({ why: 'cancelled', by: expect.stringMatching(/^operator /) })
  })

  test('a run that ended, or never was, cannot be cancelled', async () => {
    const { runId, ledger } = await runOf('20260926T040000Z')
    await ledger.apply(runId, 'begin')
    await ledger.apply(runId, 'succeed')
    expect(await cli(fleet.dir, ['run', 'cancel', runId])).toMatchObject({
      code: 5,
      err: expect.stringContaining('RUN_ENDED'),
    })
    expect(await cli(fleet.dir, ['run', 'cancel', 'daily.records.never'])).toMatchObject({
      code: 5,
      err: expect.stringContaining('RUN_UNKNOWN'),
    })
  })
})

test('events --follow shows facts as they happen until Ctrl-C, which is clean', async () => {
  const run = startCli(fleet.dir, ['events', '--follow', '--since', '1h', '--subject', 'backup.started', '--json'])
  const facts = backupFacts(Date.now(), 'eeeeee')
  await fleet.bus.publish(BackupStarted, facts.started)
  await heard(run.out, facts.backupId)
  run.child.kill('SIGINT')
  expect(await run.end).toMatchObject({ code: 0, err: '' })
})
