import { readdir, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { WAL_SURVEYS_BUCKET } from '@lifeboat/catalog/audit/wal-survey.ts'
import { connectBus } from '@lifeboat/shared/bus/nats-bus.ts'
import { moment } from '@lifeboat/shared/domain/ids.ts'
import { silentLogger } from '@lifeboat/shared/log/logger.ts'
import { eventually } from '@lifeboat/testkit/eventually.ts'
import { POLICY, SOURCE, type WorldConfig } from '@lifeboat/testkit/world/config.ts'
import { offSiteNow, WEEKLY } from '@lifeboat/testkit/world/physical.ts'
import { startWorld, type World } from '@lifeboat/testkit/world.ts'
import { expect, test } from 'vitest'

const TARGETS = ['north', 'south', 'west']

test('a segment that vanished from one target is told and comes back; gone from all of them it ends the recoverable window until a base leads past it', async () => {
  await using world = await startWorld({ configure })
  await world.json(['backup', 'now', SOURCE, '--policy', WEEKLY, '--wait', 'stored'])
  const name = await segmentBehindTheBase(world)
  await lookAtWal(world)

  const places = await Promise.all(TARGETS.map((target) => placeOf(world, target, name)))
  const [north = '', south = ''] = places
  await rm(north)
  await lookAtWal(world)
  const damaged = `WAL of ${SOURCE} on north is damaged or missing`
  const opened = await world.smtp.waitForMail(({ subject }) => subject.includes(`OPEN: ${damaged}`))
  expect(opened.text).toContain(name)
  await eventually(async () => expect((await readFile(north)).equals(await readFile(south))).toBe(true))
  await world.smtp.waitForMail(({ subject }) => subject.includes(`RESOLVED: ${damaged}`))

  for (const place of places) await rm(place)
  await lookAtWal(world)
  const lost = `WAL of ${SOURCE} is lost`
  const mail = await world.smtp.waitForMail(({ subject }) => subject.includes(`OPEN: ${lost}`))
  expect(mail.text).toMatch(/no target has it whole any more/)
  expect(mail.text).toMatch(/can still be recovered; nothing newer/)
  expect((await world.cli(['wal', 'audit', SOURCE])).code).toBe(10)
  const status = await world.cli(['status'])
  expect(status.stdout).toContain('nothing newer can be recovered until a new base is stored')

  await world.json(['backup', 'now', SOURCE, '--policy', WEEKLY, '--wait', 'stored'])
  await world.smtp.waitForMail(({ subject }) => subject.includes(`RESOLVED: ${lost}`))
})

function configure(config: WorldConfig): void {
  const policy = config.policies[POLICY]
  if (policy === undefined) throw new Error('the world has no policy to copy')
  config.policies[WEEKLY] = { ...policy, kind: 'base', copies: { required: 3 } }
  config.wal = { [SOURCE]: { targets: TARGETS, copies: { required: 3 }, flushEvery: '1s' } }
}

/** The first whole segment that is in the middle of what was written since the base. */
async function segmentBehindTheBase(world: World): Promise<string> {
  const { postgres, database } = world.source
  const query =
    "SELECT pg_walfile_name(pg_current_wal_lsn()) AS name, pg_switch_wal() FROM pg_logical_emit_message(true, 'test', 'x')"
  await postgres.query(database, query)
  const [{ name }] = await postgres.query(database, query)
  await postgres.query(database, query)
  await offSiteNow(world)
  return name
}

async function placeOf(world: World, target: string, segment: string): Promise<string> {
  const folder = join(world.targets[target]?.address ?? '', SOURCE, 'wal', segment.slice(0, 8))
  return eventually(async () => {
    const whole = (await readdir(folder)).find((file) =>
      new RegExp(`^${segment}\\.[0-9a-f]{16}\\.zst\\.age$`).test(file),
    )
    expect(whole).toBeDefined()
    return join(folder, whole ?? '')
  })
}

/** Has uploaders look at the names of all WAL now, not when six hours are over, and waits for the end of that. */
async function lookAtWal(world: World): Promise<void> {
  await using bus = await connectBus({ servers: [world.nats.url], name: 'test', log: silentLogger })
  const surveys = await bus.bucket(WAL_SURVEYS_BUCKET)
  const looks = () => world.logOf('uploader').filter(({ event }) => event === 'wal.surveyed').length
  await eventually(() => expect(looks()).toBeGreaterThan(0))
  // One that is stopped in the middle of a look has taken its turn.
  await world.kill('uploader', 'SIGTERM')
  const known = await surveys.get(SOURCE)
  if (known) await surveys.put(SOURCE, { ...known.value, at: moment(Date.now() - 7 * 3_600_000) })
  const before = looks()
  await world.restart('uploader')
  await eventually(() => expect(looks()).toBeGreaterThan(before))
}
