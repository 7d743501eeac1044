import type { Bucket } from '@lifeboat/shared/bus/bus.ts'
import { BackupRequested } from '@lifeboat/shared/bus/messages/backup.ts'
import { IncidentOpened, IncidentResolved } from '@lifeboat/shared/bus/messages/incident.ts'
import { moment, type RunId } from '@lifeboat/shared/domain/ids.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import type { Presence } from '@lifeboat/shared/service/presence.ts'
import { eventually } from '@lifeboat/testkit/eventually.ts'
import { describe, expect, it } from 'vitest'
import type { Notice } from '../src/notices.ts'
import { startAlerter } from '../src/service.ts'
import { type Alerter, type AlerterWorld, alerterWorld } from './alerter-world.ts'
import { anIncident, aRun, at } from './builders.ts'

const MINUTE = 60_000
const HOUR = 60 * MINUTE
const RUN = 'daily.records.20260926T020000Z' as RunId
const MISSING = '[lifeboat test] OPEN: No backup of records began (policy daily)'

/** A run that is wished for at 02:00 and that nobody begins; at 02:20 it is missing. */
async function missingRun(world: AlerterWorld): Promise<void> {
  await world.ledger.expect(aRun('26T02:00', 'expected'))
  await world.ledger.apply(RUN, 'wish')
}

const BETA = { part: 'target', name: 'beta' } as const
const UPLOADER = 'uploader.uploader.a'
const error = new LifeboatError('TARGET_REFUSED', { targetId: 'beta' })

/** A beat of an uploader with what it found of the target. */
async function tell(
  { clock }: AlerterWorld,
  { deps }: Alerter,
  { since, lookedAt = clock.now(), error }: { since: number; lookedAt?: number; error?: LifeboatError },
): Promise<void> {
  const now = moment(clock.now())
  const lost = error && { error: error.toReport() as never }
  const footing = { ...BETA, at: moment(lookedAt), since: moment(since), ...lost }
  const about = { service: 'uploader', id: 'uploader', instance: 'a', startedAt: now, at: now, version: '1' }
  await deps.presence.put(UPLOADER, about)
  await deps.footingsTold.put(UPLOADER, { footings: [footing] })
}

/** Turns until the alerter sees the ledger as it is: its view is watched, not asked. */
async function turnsUntil(turn: () => Promise<unknown>, check: () => void): Promise<void> {
  await eventually(async () => {
    await turn()
    check()
  })
}

const subjects = (world: AlerterWorld) => world.smtp.inbox.map((mail) => mail.subject)

describe.concurrent('the alerter', () => {
  it('mails a missing run exactly once, again after the time to repeat, and once when it is over', async () => {
    await using world = await alerterWorld('26T02:14')
    await missingRun(world)
    const { turn, deps } = await world.alerter()
    await turn()
    expect(subjects(world)).toEqual([])
    world.clock.set('26T02:20')
    for (let turns = 0; turns < 5; turns += 1) await turn()
    expect(subjects(world)).toEqual([MISSING])
    world.clock.set('26T06:00')
    await turn()
    expect(subjects(world)).toHaveLength(1)
    world.clock.set('26T06:21')
    for (let turns = 0; turns < 3; turns += 1) await turn()
    expect(subjects(world)).toEqual([MISSING, MISSING.replace('OPEN', 'STILL OPEN')])
    await world.ledger.apply(RUN, 'begin', { beganAt: moment(world.clock.now()) })
    await turnsUntil(turn, () => expect(subjects(world)).toHaveLength(3))
    for (let turns = 0; turns < 3; turns += 1) await turn()
    expect(subjects(world).slice(2)).toEqual([MISSING.replace('OPEN', 'RESOLVED')])
    const [first, second, third] = world.smtp.inbox
    expect(second?.header('In-Reply-To')).toBe(first?.messageId)
    expect(third?.header('In-Reply-To')).toBe(first?.messageId)
    expect(new Set(world.smtp.inbox.map((mail) => mail.messageId)).size).toBe(3)
    expect((await deps.incidents.get('missing.records.daily'))?.value).toMatchObject({
      state: 'resolved',
      notifications: 2,
    })
  })

  it('an outage of the mail server of an hour delays mails, loses none and keeps their order', async () => {
    await using world = await alerterWorld('26T02:20')
    await missingRun(world)
    await world.smtp.stop()
    const { turn, deps } = await world.alerter()
    for (let minutes = 0; minutes < 60; minutes += 5) {
      await turn()
      world.clock.forward(5 * 60_000)
    }
    await world.ledger.apply(RUN, 'begin', { beganAt: moment(world.clock.now()) })
    await eventually(async () => {
      await turn()
      expect((await deps.incidents.get('missing.records.daily'))?.value.state).toBe('resolved')
    })
    expect(world.smtp.inbox).toEqual([])
    await world.smtp.start()
    for (let minutes = 0; minutes < 40; minutes += 5) {
      await turn()
      world.clock.forward(5 * 60_000)
    }
    expect(subjects(world)).toEqual([MISSING, MISSING.replace('OPEN', 'RESOLVED')])
  })

  it('a mail server that refuses for a while is tried with growing pauses, not hammered', async () => {
    await using world = await alerterWorld('26T02:20')
    await missingRun(world)
    let tries = 0
    world.smtp.fail(() => {
      tries += 1
      return 451
    })
    const { turn } = await world.alerter()
    for (let seconds = 0; seconds < 3600; seconds += 60) {
      await turn()
      world.clock.forward(60_000)
    }
    expect(tries).toBeGreaterThan(4)
    expect(tries).toBeLessThan(12)
    world.smtp.fail(undefined)
    world.clock.forward(15 * 60_000)
    await turn()
    expect(subjects(world)).toEqual([MISSING])
  })

  it('an alerter killed after the server took a mail repeats it at most once, with the same Message-ID', async () => {
    await using world = await alerterWorld('26T02:20')
    await missingRun(world)
    const { deps } = await world.alerter()
    const dying = await world.alerter({ outbox: diesAfterSending(deps.outbox) })
    await expect(dying.turn()).rejects.toThrow('killed')
    expect(subjects(world)).toEqual([MISSING])
    const { turn } = await world.alerter()
    for (let minutes = 0; minutes < 60; minutes += 1) {
      await turn()
      world.clock.forward(60_000)
    }
    expect(subjects(world)).toEqual([MISSING, MISSING])
    expect(new Set(world.smtp.inbox.map((mail) => mail.messageId)).size).toBe(1)
  })

  it('an alerter killed between outbox and incident mails once', async () => {
    await using world = await alerterWorld('26T02:20')
    await missingRun(world)
    const { deps } = await world.alerter()
    const incidents = { ...bind(deps.incidents), update: () => Promise.reject(new Error('killed')) }
    const dying = await world.alerter({ incidents })
    await expect(dying.turn()).rejects.toThrow('killed')
    const { turn } = await world.alerter()
    for (let turns = 0; turns < 5; turns += 1) await turn()
    expect(subjects(world)).toEqual([MISSING])
    expect((await deps.incidents.get('missing.records.daily'))?.value.notifications).toBe(1)
  })

  it('two alerters at work mail once', async () => {
    await using world = await alerterWorld('26T02:20')
    await missingRun(world)
    const pair = await Promise.all([world.alerter(), world.alerter(), world.alerter()])
    for (let turns = 0; turns < 5; turns += 1) await Promise.all(pair.map(({ turn }) => turn()))
    expect(subjects(world)).toEqual([MISSING])
  })

  it('a connection cut before the server’s answer counts as not sent: better twice than never', async () => {
    await using world = await alerterWorld('26T02:20')
    await missingRun(world)
    world.smtp.fail(({ number }) => (number === 1 ? 'drop' : undefined))
    const { turn } = await world.alerter()
    await turn()
    world.clock.forward(31_000)
    await turn()
    world.clock.forward(HOUR)
    await turn()
    expect(subjects(world)).toEqual([MISSING, MISSING])
    expect(new Set(world.smtp.inbox.map((mail) => mail.messageId)).size).toBe(1)
  })

  it('a restart of NATS loses no incident and no mail', async () => {
    await using world = await alerterWorld('26T02:20')
    await missingRun(world)
    await world.smtp.stop()
    const { turn } = await world.alerter()
    await turn()
    await world.nats.restart({ signal: 'SIGKILL', downMs: 300 })
    await world.smtp.start()
    world.clock.forward(20 * 60_000)
    await turnsUntil(turn, () => expect(subjects(world)).toEqual([MISSING]))
  })

  it('as a service tells the bus what it opens and resolves, and mails dead letters and silent services', async () => {
    await using world = await alerterWorld('26T02:20')
    await missingRun(world)
    const facts: string[] = []
    const note = async ({ incident }: { incident: { cause: string; state: string } }) =>
      void facts.push(`${incident.cause} ${incident.state}`)
    await world.bus.consume({ type: IncidentOpened, durable: 'test-opened' }, note, { signal: world.signal })
    await world.bus.consume({ type: IncidentResolved, durable: 'test-resolved' }, note, { signal: world.signal })
    const { deps } = await world.alerter({ services: [{ service: 'verifier' }] })
    world.run(startAlerter(deps, world.signal))
    await world.smtp.waitForMail((mail) => mail.subject === MISSING)
    world.clock.forward(3 * 60_000)
    await world.smtp.waitForMail((mail) => mail.subject.endsWith('OPEN: No verifier is running'))
    const refuse = async () => {
      throw new LifeboatError('SOURCE_UNKNOWN', { sourceId: 'recrods' })
    }
    await world.bus.consume({ type: BackupRequested, durable: 'agent-db1' }, refuse, { signal: world.signal })
    await world.bus.publish(BackupRequested, wish(world))
    const letter = await world.smtp.waitForMail((mail) => mail.subject.includes('could not be handled'))
    expect(letter.text).toContain('SOURCE_UNKNOWN')
    expect(letter.text).toContain('sourceId: recrods')
    await world.ledger.apply(RUN, 'begin', { beganAt: moment(world.clock.now()) })
    await world.smtp.waitForMail((mail) => mail.subject === MISSING.replace('OPEN', 'RESOLVED'))
    await eventually(() =>
      expect(facts).toEqual(expect.arrayContaining(['missing.records.daily open', 'missing.records.daily resolved'])),
    )
    expect(subjects(world).filter((subject) => subject === MISSING)).toHaveLength(1)
  })

  it('mails that a footing is lost for ten minutes and that it is back; that nobody tells of it resolves nothing', async () => {
    await using world = await alerterWorld('26T02:00')
    // Its clock runs ahead of that of NATS.
    world.clock.forward(400 * 24 * HOUR)
    const [lost, back] = ['OPEN', 'RESOLVED'].map((state) => `[lifeboat test] ${state}: Uploaders cannot put to beta`)
    const one = await world.alerter({ watchedFootings: [BETA] })
    const since = world.clock.now()
    await tell(world, one, { since, error })
    world.clock.forward(9 * MINUTE)
    await one.turn()
    expect(subjects(world)).toEqual([])
    world.clock.forward(2 * MINUTE)
    await tell(world, one, { since, error })
    await one.turn()
    expect(subjects(world)).toEqual([lost])
    await one.deps.presence.delete(UPLOADER)
    await one.turn()
    const another = await world.alerter({ watchedFootings: [BETA] })
    await another.turn()
    expect(subjects(world)).toEqual([lost])
    await tell(world, another, { since: world.clock.now() })
    await another.turn()
    expect(subjects(world)).toEqual([lost, back])
  })

  it('a look that ended long ago says nothing of now', async () => {
    await using world = await alerterWorld('26T03:00')
    const one = await world.alerter({ watchedFootings: [BETA] })
    const since = at('26T02:00')
    await tell(world, one, { since, error, lookedAt: at('26T02:44') })
    await one.turn()
    expect(subjects(world)).toEqual([])
    await tell(world, one, { since, error, lookedAt: at('26T02:46') })
    await one.turn()
    expect(subjects(world)).toHaveLength(1)
  })

  it('a process that was killed says nothing of now, though its entry stays', async () => {
    await using world = await alerterWorld('26T03:00')
    const one = await world.alerter({ watchedFootings: [BETA] })
    const { presence } = one.deps
    await tell(world, one, { since: at('26T02:00'), error })
    await presence.put('alerter.alerter.a', (await presence.get(UPLOADER))?.value as Presence)
    const beat = await presence.get('alerter.alerter.a')
    const writtenEarlier = (ms: number): Bucket<Presence> => ({
      ...bind(presence),
      async *entries() {
        for await (const entry of presence.entries())
          yield entry.key === UPLOADER ? { ...entry, writtenAt: (beat?.writtenAt ?? 0) - ms } : entry
      },
    })
    await (await world.alerter({ watchedFootings: [BETA], presence: writtenEarlier(16_000) })).turn()
    expect(subjects(world)).toEqual([])
    await (await world.alerter({ watchedFootings: [BETA], presence: writtenEarlier(5_000) })).turn()
    expect(subjects(world)).toHaveLength(1)
  })

  it('resolves what was lost of a target that left the configuration', async () => {
    await using world = await alerterWorld('26T03:00')
    const { deps } = await world.alerter()
    const open = anIncident({ cause: 'footing-lost.target.beta', rule: 'footing-lost', notifications: 1 })
    await deps.incidents.create(open.cause, open)
    const { turn } = await world.alerter({ watchedFootings: [BETA] })
    await turn()
    expect((await deps.incidents.get(open.cause))?.value.state).toBe('open')
    await (await world.alerter()).turn()
    expect((await deps.incidents.get(open.cause))?.value.state).toBe('resolved')
  })
})

/** An outbox whose owner dies in the moment it would write that a mail was sent. */
function diesAfterSending(outbox: Bucket<Notice>): Bucket<Notice> {
  return {
    ...bind(outbox),
    update: (key, value, revision) =>
      value.attempts > 0 && (value.state === 'sent' || value.lastError !== undefined)
        ? Promise.reject(new Error('killed'))
        : outbox.update(key, value, revision),
  }
}

function bind<T>(bucket: Bucket<T>): Bucket<T> {
  return {
    get: (key) => bucket.get(key),
    create: (key, value) => bucket.create(key, value),
    update: (key, value, revision) => bucket.update(key, value, revision),
    put: (key, value) => bucket.put(key, value),
    delete: (key) => bucket.delete(key),
    entries: (filter) => bucket.entries(filter),
    watch: (opts) => bucket.watch(opts),
    count: (filter) => bucket.count(filter),
  }
}

function wish(world: AlerterWorld): BackupRequested {
  return {
    runId: 'daily.recrods.20260926T020000Z' as never,
    agentId: 'db1' as never,
    sourceId: 'recrods' as never,
    policyId: 'daily' as never,
    kind: 'dump',
    requestedBy: 'operator',
    dueAt: moment(world.clock.now()),
    deadlineAt: moment(at('26T12:00')),
  }
}
