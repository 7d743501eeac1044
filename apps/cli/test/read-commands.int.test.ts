import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  EXPIRY_BUCKET,
  EXPIRY_OUTCOME_KEY,
  EXPIRY_WATCH_BUCKET,
  EXPIRY_WATCH_KEY,
} from '@lifeboat/catalog/expiry/buckets.ts'
import { INCIDENTS_BUCKET } from '@lifeboat/catalog/incidents-bucket.ts'
import { KvCatalog } from '@lifeboat/catalog/kv-catalog.ts'
import { Ledger } from '@lifeboat/catalog/ledger.ts'
import { BackupSealed, BackupStarted } from '@lifeboat/shared/bus/messages/backup.ts'
import { DrillFinished } from '@lifeboat/shared/bus/messages/drill.ts'
import { PartSealed, PartStored } from '@lifeboat/shared/bus/messages/part.ts'
import { moment, type RunId } from '@lifeboat/shared/domain/ids.ts'
import type { Incident } from '@lifeboat/shared/domain/incident.ts'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { backupFacts } from './facts.ts'
import { keepPresent, startFleet, type TestFleet } from './fleet.ts'
import { cli } from './run-cli.ts'

const HOUR = 3_600_000
const proven = backupFacts(Date.now() - 26 * HOUR, 'aaaaaa')
const fresh = backupFacts(Date.now() - 2 * HOUR, 'bbbbbb')
let fleet: TestFleet

beforeAll(async () => {
  fleet = await startFleet()
  const catalog = await KvCatalog.open(fleet.bus)
  for (const one of [proven, fresh]) {
    await catalog.apply({ subject: 'backup.started', data: one.started })
    await catalog.apply({ subject: 'backup.sealed', data: one.sealed })
    await catalog.apply({ subject: 'copy.stored', data: one.copyStored('aws') })
  }
  await catalog.apply({ subject: 'copy.stored', data: proven.copyStored('gcp') })
  await catalog.apply({ subject: 'drill.finished', data: proven.drillFinished('aws', 'proven') })
  await catalog.apply({ subject: 'drill.finished', data: proven.drillFinished('gcp', 'failed', { drill: 'bbbbbb' }) })
  await fleet.bus.publish(BackupStarted, fresh.started)
  await fleet.bus.publish(BackupSealed, fresh.sealed)
  for (const no of [0, 1, 2]) await fleet.bus.publish(PartSealed, fresh.partSealed(no))
  await fleet.bus.publish(PartStored, fresh.partStored(0, 'gcp'))
  await fleet.bus.publish(DrillFinished, proven.drillFinished('aws', 'proven'))
  await fleet.bus.publish(DrillFinished, proven.drillFinished('gcp', 'failed', { drill: 'bbbbbb' }))
})
afterAll(() => fleet[Symbol.asyncDispose]())

const ask = async (...args: string[]) => {
  const { code, out, err } = await cli(fleet.dir, args)
  return { code, out, err }
}
const json = async (...args: string[]) => {
  const { code, out } = await ask(...args, '--json')
  return { code, value: JSON.parse(out) }
}

describe('status', () => {
  test('is red, with the reasons, while nobody plans, watches or proves', async () => {
    const { code, value } = await json('status')
    expect(code).toBe(6)
    expect(value).toMatchObject({ fleet: 'test', light: 'red' })
    const [records, quiet] = value.sources
    expect(records.reasons).toEqual(
      expect.arrayContaining([
        expect.stringMatching(/^the run of policy daily at .* is not written down/),
        `the newest backup, ${fresh.backupId}, is not proven yet`,
      ]),
    )
    expect(records).toMatchObject({
      lastStored: { backupId: fresh.backupId },
      provenAt: { aws: { backupId: proven.backupId }, gcp: null },
    })
    expect(quiet).toMatchObject({
      light: 'red',
      reasons: expect.arrayContaining(['nothing is known of it: no backup was ever recorded']),
    })
    expect(value.services.map((one: { present: boolean }) => one.present)).toEqual([false, false, false, false, false])
  })

  test('says when the expiry last was due and what it let go, and when it is due next', async () => {
    const yaml = `${await readFile(join(fleet.dir, 'lifeboat.yaml'), 'utf8')}\nexpiry: { schedule: { cron: "0 3 2 * *" } }\n`
    await writeFile(join(fleet.dir, 'expiring.yaml'), yaml)
    const last = {
      ...({ at: moment(Date.now() - HOUR), dueAt: moment(Date.now() - HOUR), did: 'applied', digest: 'abc' } as const),
      ...{ going: 3, bytes: 5_000_000, wal: 0, refused: [], doubts: [] },
    }
    await (await fleet.bus.bucket(EXPIRY_BUCKET)).put(EXPIRY_OUTCOME_KEY, last)
    const since = moment(Date.now() - 40 * 24 * HOUR)
    await (await fleet.bus.bucket(EXPIRY_WATCH_BUCKET)).put(EXPIRY_WATCH_KEY, { schedule: '0 3 2 * * UTC', since })
    const { value } = await json('status', '--config', 'expiring.yaml')
    expect(value.expiry).toMatchObject({ auto: false, last, dueAt: expect.stringContaining('-02T03:00:00') })
    const { out } = await ask('status', '--config', 'expiring.yaml')
    expect(out).toMatch(/Letting go +last .*, .* ago: 3 copies, 5\.0 MB, WAL of 0 archives let go; due since .*; next /)
    expect((await json('status')).value.expiry).toBeUndefined()
  })

  test('shows incidents, planned runs and present services as they come, whatever the clocks of their hosts say', async () => {
    const dueAt = moment(Date.now() + HOUR)
    const run = {
      runId: 'daily.records.20990101T000000Z' as RunId,
      sourceId: 'records',
      policyId: 'daily',
      kind: 'dump',
      requestedBy: 'schedule',
    }
    await (await Ledger.open(fleet.bus)).expect({ ...run, dueAt, lateAt: dueAt, deadlineAt: dueAt } as never)
    const now = moment(Date.now())
    const agent = { service: 'backup-agent', id: 'db1', startedAt: now }
    // Of a host whose clock is behind.
    await using _agent = await keepPresent(fleet.bus, () => ({ ...agent, at: moment(Date.now() - 120_000) }))
    const incident: Incident = {
      cause: 'undersized.records',
      rule: 'undersized',
      severity: 'warning',
      title: 'The backup of records shrank',
      details: [],
      hint: 'Look.',
      state: 'open',
      openedAt: now,
      notifications: 1,
    }
    const incidents = await fleet.bus.bucket(INCIDENTS_BUCKET)
    await incidents.put(incident.cause, incident)
    await incidents.put('missing.records', {
      ...incident,
      cause: 'missing.records',
      title: 'long gone',
      state: 'resolved',
    })
    const { value } = await json('status')
    expect(value.sources[0]).toMatchObject({ nextRun: { runId: run.runId, dueAt } })
    expect(value.sources[0].reasons).toContain('The backup of records shrank')
    expect(value.services[1]).toMatchObject({ service: 'backup-agent', id: 'db1', present: true, instances: 1 })
    expect(value.incidents.map((one: Incident) => one.cause)).toEqual(['undersized.records'])
    const { out } = await ask('status')
    for (const words of [
      '● yellow records',
      'The backup of records shrank',
      'present  backup-agent db1',
      `proven at aws  ${proven.backupId}`,
    ])
      expect(out).toContain(words)
    expect(out).not.toContain('\u001b')
  })

  test('loads no cloud SDK, no database driver and no web server', async () => {
    const coverage = await mkdtemp(join(tmpdir(), 'lifeboat-loaded-'))
    await cli(fleet.dir, ['status'], { NODE_V8_COVERAGE: coverage })
    const [file = ''] = await readdir(coverage)
    const loaded = await readFile(join(coverage, file), 'utf8')
    await rm(coverage, { recursive: true })
    expect(loaded).toContain('commands/status.ts')
    for (const heavy of ['@aws-sdk', '@google-cloud', '@azure', '/pg/', 'fastify', 'pino', 'jose'])
      expect(loaded).not.toContain(heavy)
  })
})

describe('backup list', () => {
  test('shows the newest first, at most as many as asked for', async () => {
    const all = await json('backup', 'list')
    expect(all.code).toBe(0)
    expect(all.value.backups.map((row: { backupId: string }) => row.backupId)).toEqual([
      fresh.backupId,
      proven.backupId,
    ])
    expect((await json('backup', 'list', '--limit', '1')).value.backups).toHaveLength(1)
    expect((await json('backup', 'list', '--all', '--source', 'records')).value.backups).toEqual(all.value.backups)
    expect((await ask('backup', 'list')).out).toMatch(
      new RegExp(`${proven.backupId} +records +daily +proven +.* 300 MB +aws proven, gcp disproven`),
    )
  })

  test('an empty answer for a known source is no error, an unknown source is', async () => {
    expect((await json('backup', 'list', '--source', 'quiet')).value).toEqual({ backups: [], sets: [] })
    const unknown = await json('backup', 'list', '--source', 'recrods')
    expect(unknown).toMatchObject({
      code: 5,
      value: { error: { code: 'SOURCE_UNKNOWN', facts: { suggestion: 'Did you mean records?' } } },
    })
    expect(await json('backup', 'list', '--limit', '0')).toMatchObject({
      code: 2,
      value: { error: { code: 'CLI_USAGE' } },
    })
  })
})

describe('backup show', () => {
  test('names state and missing parts per target', async () => {
    const { code, value } = await json('backup', 'show', fresh.backupId)
    expect(code).toBe(0)
    expect(value).toMatchObject({ state: 'stored', copies: { aws: { state: 'stored' }, gcp: { state: 'expected' } } })
    expect(value.missingParts).toEqual({ gcp: ['db.dump.zst.age.00001', 'db.dump.zst.age.00002'] })
    expect((await ask('backup', 'show', fresh.backupId)).out).toContain(
      'missing 2 parts: db.dump.zst.age.00001, db.dump.zst.age.00002',
    )
  })

  test('tells how long the backup took and what compression came to', async () => {
    const { out } = await ask('backup', 'show', proven.backupId)
    expect(out).toMatch(/sealed .*, after 1 min\n/)
    expect(out).toContain('300 MB, 3.0 times smaller than what it holds')
  })

  test('names the last drill of each copy', async () => {
    const { out } = await ask('backup', 'show', proven.backupId)
    expect(out).toMatch(/aws {2}proven\n.*\n.*drill .*-aaaaaa: proven/)
    expect(out).toContain('the row counts of public.results differ: 10 and 9')
  })

  test('an id nobody knows, and what is no id, end with 5', async () => {
    for (const id of ['20200101T000000Z-dump-zzzzzz', 'latest']) {
      const { code, err } = await ask('backup', 'show', id)
      expect(code).toBe(5)
      expect(err).toContain('BACKUP_UNKNOWN')
    }
  })
})

describe('drill show', () => {
  test('a drill id ends by its verdict', async () => {
    const good = proven.drillFinished('aws', 'proven').drillId
    const bad = proven.drillFinished('gcp', 'failed', { drill: 'bbbbbb' }).drillId
    expect(await json('drill', 'show', good)).toMatchObject({
      code: 0,
      value: { verdict: 'proven', recoveryMs: 90_000 },
    })
    expect(await json('drill', 'show', bad)).toMatchObject({ code: 7, value: { verdict: 'failed' } })
    expect(await json('drill', 'show', good.replace('aaaaaa', 'zzzzzz'))).toMatchObject({
      code: 5,
      value: { error: { code: 'DRILL_UNKNOWN' } },
    })
  })

  test('a backup id shows the last drill of each copy', async () => {
    const { value } = await json('drill', 'show', proven.backupId)
    expect(
      value.drills.map((drill: { targetId: string; verdict: string }) => `${drill.targetId} ${drill.verdict}`),
    ).toEqual(['aws proven', 'gcp failed'])
    expect((await ask('drill', 'show', fresh.backupId)).out).toContain('has been drilled')
  })

  test('it says what to do about its reasons and what each phase took, by its own id and by its backup', async () => {
    const told = fresh.drillFinished('gcp', 'inconclusive', { drill: 'cccccc' })
    const hints = ['Install the packages of the extensions.']
    const finished = { ...told, hints, phases: { fetch: 900, extract: 12_340 } }
    await fleet.bus.publish(DrillFinished, finished)
    const catalog = await KvCatalog.open(fleet.bus)
    await catalog.apply({ subject: 'drill.finished', data: finished })
    for (const id of [told.drillId, fresh.backupId]) {
      expect((await ask('drill', 'show', id)).out).toContain(
        'what to do: Install the packages of the extensions.\n  phases: fetch 0.9 s, extract 12.3 s',
      )
      expect((await ask('drill', 'show', id, '--json')).out).toContain('"extract": 12340')
    }
    expect((await json('drill', 'show', told.drillId)).value).toMatchObject({ hints })
  })
})

describe('events', () => {
  test('prints one fact a line, of the subjects asked for', async () => {
    const { code, out } = await ask('events', '--subject', 'part.sealed', '--json')
    expect(code).toBe(0)
    const lines = out
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line))
    expect(lines.map(({ data }) => data.part.no)).toEqual([0, 1, 2])
    expect((await ask('events', '--subject', 'backup')).out).toMatch(
      /backup\.started.*backupId=.*bbbbbb[\s\S]*backup\.sealed/,
    )
    expect((await ask('events', '--since', '2099-01-01T00:00Z')).out).toBe('')
  })

  test('a time without a zone is refused', async () => {
    expect(await ask('events', '--since', '2026-09-26T02:00:00')).toMatchObject({
      code: 2,
      err: expect.stringContaining('CLI_USAGE'),
    })
  })
})
