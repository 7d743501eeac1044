import { copyFile, readdir, rm, truncate, utimes } from 'node:fs/promises'
import { join } from 'node:path'
import type { DrillFinished } from '@lifeboat/shared/bus/messages/drill.ts'
import { freePort } from '@lifeboat/testkit/free-port.ts'
import { askRecovered } from '@lifeboat/testkit/runbooks/hosts.ts'
import { SOURCE, type WorldConfig } from '@lifeboat/testkit/world/config.ts'
import { offSiteNow, WEEKLY, withBasesAndWal } from '@lifeboat/testkit/world/physical.ts'
import type { Finished } from '@lifeboat/testkit/world/processes.ts'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { backUp, show } from './support/backups.ts'
import { openRestoreWorld, type RestoreWorld } from './support/restore-world.ts'

const TARGETS = ['north', 'west']
const HOUR_MS = 3_600_000

let at: RestoreWorld
let base: string
/** Behind rows of which some came with a segment that is broken below. */
let moment: string
let segment: string
/** Its name at every target. */
let file: string
beforeAll(async () => {
  at = await openRestoreWorld({ clusters: true, configure })
  const { postgres, database } = at.world.source
  const sql = (text: string) => postgres.query(database, text)
  ;[base = ''] = await backUp(at.world, [SOURCE, '--policy', WEEKLY], 'stored')
  await sql('insert into visit select generate_series(101, 150)')
  await sql('select pg_switch_wal()')
  await sql('insert into visit select generate_series(151, 200)')
  ;[{ segment }] = await sql('select pg_walfile_name(pg_current_wal_lsn()) as segment, pg_switch_wal()')
  moment = await offSiteNow(at.world)
  // Recovery stops before the first commit behind the moment.
  await sql('create table somebody_elses ()')
  await at.lose()
  await sql('select pg_switch_wal()')
  await offSiteNow(at.world)
  for (const target of TARGETS) await at.world.json(['drill', 'run', base, '--target', target, '--wait'])
  file = (await readdir(folderAt('north'))).find((name) => name.startsWith(`${segment}.`) && !name.includes('-')) ?? ''
  for (const target of TARGETS) await copyFile(placeAt(target), keptOf(target))
})
afterEach(async () => {
  for (const target of TARGETS) await copyFile(keptOf(target), placeAt(target))
})
afterAll(() => at?.[Symbol.asyncDispose]())

test('a segment that is truncated at one target is told by an audit and by a drill of it, and a restore brings the rows from the other', async () => {
  const { world } = at
  await truncate(placeAt('north'), 1000)
  const audit = await world.cli(['wal', 'audit', SOURCE])
  expect([audit.code, audit.stdout]).toEqual([
    11,
    expect.stringMatching(/north {2}not whole.*damaged: .*its bytes are not those that were put there.*west {2}whole/s),
  ])

  const drill = ['drill', 'run', base, '--to-time', 'latest', '--target', 'north', '--wait']
  const told = await world.json<DrillFinished>(drill, [7])
  expect(told).toMatchObject({ verdict: 'proven', wal: { verdict: 'failed', segment } })

  const port = await freePort()
  const { code, stdout } = await at.run(['--beside', '--port', String(port), '--until', moment])
  expect([code, JSON.parse(stdout)]).toMatchObject([0, { outcome: 'done' }])
  const { password } = world.source.postgres
  const visits = 'select count(*)::int as rows from visit'
  expect(await askRecovered({ port, database: world.source.database, password }, visits)).toEqual([{ rows: 200 }])
  await world.json(['restore', 'release', SOURCE, '--beside', ...at.byAnn])
})

async function beside(until: string): Promise<Finished> {
  return at.run(['--beside', '--port', String(await freePort()), '--until', until])
}

test('truncated at every target it ends no recovery in silence, neither one to a moment behind it nor one to the latest', async () => {
  const { world } = at
  for (const target of TARGETS) await truncate(placeAt(target), 1000)
  const audit = await world.json<Audit>(['wal', 'audit', SOURCE, '--read'], [11])
  for (const { verdict, damaged } of audit.sources[0]?.targets ?? [])
    expect({ verdict, damaged }).toMatchObject({
      verdict: 'missing',
      damaged: [{ key: expect.stringContaining(segment) }],
    })
  for (const until of [moment, 'latest']) {
    expect(errorOf(await beside(until))).toMatchObject([
      7,
      { code: 'WAL_DAMAGED', hint: expect.stringMatching(/truncated/) },
    ])
    expect(errorOf(await bare(until))).toMatchObject([7, { code: 'WAL_DAMAGED' }])
  }
})

interface Audit {
  sources: { targets: { verdict: string; damaged: { key: string }[] }[] }[]
}

/** By one who has nothing but a target and a key. */
function bare(until: string): Promise<Finished> {
  const to = ['--until', until, '--to', join(at.world.folder, 'bare'), '--unproven', '--json']
  return at.world.cli(['recover', '--from', 'west', '--source', SOURCE, '--identity', at.identityFile, ...to])
}

function errorOf({ code, stdout }: Finished): [number | null, { code: string; hint: string }] {
  return [code, JSON.parse(stdout).error]
}

async function planned(until: string): Promise<Finished> {
  const where = ['--beside', '--port', String(await freePort()), '--until', until]
  return at.world.cli(['restore', 'plan', SOURCE, ...where, '--identity', at.identityFile, '--json'])
}

const drilled = (until: string) => at.world.cli(['drill', 'run', SOURCE, '--to-time', until, '--wait', '--json'])

test.each([
  ['that has not come', 7, 'RECOVERY_IN_FUTURE', async () => new Date(Date.now() + HOUR_MS).toISOString()],
  ['before all that is kept', 7, 'RECOVERY_BEFORE_WINDOW', async () => '2020-01-01T00:00:00+02:00'],
  ['inside the only base', 7, 'RECOVERY_INSIDE_BASE', insideTheBase],
  ['without an offset', 2, 'RECOVERY_TIME_UNZONED', async () => '2026-09-26 14:00:00'],
])('a moment %s is refused whoever is asked for it', async (_, exit, code, when) => {
  const until = await when()
  for (const ask of [planned, beside, drilled, bare])
    expect(errorOf(await ask(until))).toMatchObject([exit, { code, hint: expect.any(String) }])
})

async function insideTheBase(): Promise<string> {
  const { startedAt, snapshotAt } = (await show(at.world, base)) as unknown as Record<string, string>
  return new Date((Date.parse(startedAt ?? '') + Date.parse(snapshotAt ?? '')) / 2).toISOString()
}

test('a moment behind a segment that no target has any more is refused, and a drill names the segment', async () => {
  for (const target of TARGETS) {
    await rm(placeAt(target))
    await ageBefore(target)
  }
  for (const ask of [planned, beside, bare])
    expect(errorOf(await ask(moment))).toMatchObject([
      7,
      { code: 'RECOVERY_IN_GAP', hint: expect.stringMatching(/last position before the hole/), facts: { segment } },
    ])
  const { code, stdout } = await drilled(moment)
  expect([code, JSON.parse(stdout)]).toMatchObject([7, { verdict: 'proven', wal: { verdict: 'failed', segment } }])
})

/** What lies before the hole came an hour ago: a target's clock is all that a plan knows of the moments in it. */
async function ageBefore(target: string): Promise<void> {
  const folder = folderAt(target)
  const then = new Date(Date.now() - HOUR_MS)
  for (const name of await readdir(folder))
    if (name < segment || name.startsWith(segment)) await utimes(join(folder, name), then, then)
}

function folderAt(target: string): string {
  return join(at.world.targets[target]?.address ?? '', SOURCE, 'wal', segment.slice(0, 8))
}

function placeAt(target: string): string {
  return join(folderAt(target), file)
}

function keptOf(target: string): string {
  return join(at.world.folder, `${target}-segment`)
}

function configure(config: WorldConfig): void {
  withBasesAndWal(config)
  const both = { targets: TARGETS, copies: { required: TARGETS.length } }
  for (const place of [...Object.values(config.policies), config.wal?.[SOURCE]]) Object.assign(place ?? {}, both)
}
