import { aBackup } from '@lifeboat/catalog/conformance/facts.ts'
import { type DrillFinished, DrillRequested } from '@lifeboat/shared/bus/messages/drill.ts'
import { moment, newDrillId, type RunId } from '@lifeboat/shared/domain/ids.ts'
import { eventually } from '@lifeboat/testkit/eventually.ts'
import { describe, expect, it } from 'vitest'
import { noteDrill } from '../src/handlers/note-drill.ts'
import type { DrillPlan } from '../src/plans.ts'
import { Ticker } from '../src/tick.ts'
import { aPlan } from './paper.ts'
import { aMoment, schedulerWorld } from './scheduler-world.ts'

const monthly = {
  ...aPlan({ policyId: 'monthly-test', kind: 'drill', cron: '0 6 3 * *' }),
  ...{ choose: 'random', withinMs: 30 * 86_400_000, policies: undefined },
} as unknown as DrillPlan
const RUN = 'monthly-test.records.20261003T060000Z' as RunId

describe.concurrent('a drill with a date of its own', () => {
  it('asks once for the backup its run id draws, whichever scheduler chooses, and ends with the verdict', async () => {
    await using world = await schedulerWorld('2026-10-03T05:00:00Z')
    const [one, other] = [
      await world.scheduler([], { drillPlans: [monthly] }),
      await world.scheduler([], { drillPlans: [monthly] }),
    ]
    for (let no = 0; no < 4; no += 1) {
      const backup = aBackup({ no, targets: ['aws'], requiredCopies: 1 })
      for (const fact of [backup.sealed(), backup.stored('aws')]) await one.catalog.apply(fact)
    }
    const wishes = await world.collect(DrillRequested)
    const tickers = [new Ticker(one), new Ticker(other)]
    for (const time of ['05:00', '06:00', '06:01']) {
      world.clock.set(`2026-10-03T${time}:00Z`)
      await Promise.all(tickers.map((ticker) => ticker.tick()))
    }
    await eventually(() => expect(wishes).toHaveLength(1))
    await aMoment()
    const [wish] = wishes as [DrillRequested]
    expect(wishes).toHaveLength(1)
    expect(wish).toMatchObject({ targetId: 'aws', rehearsal: 'monthly-test', requestedBy: 'schedule' })
    expect(await one.ledger.get(RUN)).toMatchObject({
      ...{ state: 'running', chosenOf: 4, drills: [{ runId: wish.runId, backupId: wish.backupId }] },
    })
    await noteDrill(one)(end(wish, 'proven'), {} as never)
    expect((await one.ledger.get(RUN))?.state).toBe('succeeded')
  })

  it('is missed aloud when no scheduler was there, and fails where there is nothing to be drilled', async () => {
    await using world = await schedulerWorld('2026-10-03T05:00:00Z')
    const deps = await world.scheduler([], { drillPlans: [{ ...monthly, catchUp: 'none' }] })
    const ticker = new Ticker(deps)
    await ticker.tick()
    world.clock.set('2026-10-03T08:00:00Z')
    await ticker.tick()
    expect((await deps.ledger.get(RUN))?.state).toBe('missed')
    world.clock.set('2026-11-03T05:59:00Z')
    await ticker.tick()
    world.clock.set('2026-11-03T06:00:00Z')
    await ticker.tick()
    expect(await deps.ledger.get('monthly-test.records.20261103T060000Z' as RunId)).toMatchObject({
      ...{ state: 'failed', reason: 'no backup of the last 30 d is there to be drilled' },
    })
  })

  it('whose scheduler died between choosing nothing and saying so is ended by the next look, not by its deadline', async () => {
    await using world = await schedulerWorld('2026-10-03T05:00:00Z')
    const [dying, next] = [
      await world.scheduler([], { drillPlans: [monthly] }),
      await world.scheduler([], { drillPlans: [monthly] }),
    ]
    await new Ticker(next).tick()
    // The one that dies ticks but once.
    await eventually(() => expect(dying.view.all()).toMatchObject([{ runId: RUN }]))
    // Never says how the run ended.
    const apply: typeof dying.ledger.apply = (runId, event, ...more) =>
      event === 'fail' ? new Promise(() => {}) : dying.ledger.apply(runId, event, ...more)
    const ledger = new Proxy(dying.ledger, {
      get: (inner, name) => (name === 'apply' ? apply : Reflect.get(inner, name).bind?.(inner)),
    })
    world.clock.set('2026-10-03T06:00:00Z')
    void new Ticker({ ...dying, ledger }).tick()
    await eventually(async () => expect(await next.ledger.get(RUN)).toMatchObject({ state: 'running', drills: [] }))
    world.clock.set('2026-10-03T06:00:01Z')
    const ticker = new Ticker(next)
    await eventually(async () => {
      await ticker.tick()
      expect((await next.ledger.get(RUN))?.state).toBe('failed')
    })
  })

  it('that came to no proof fails, and names the backup', async () => {
    await using world = await schedulerWorld('2026-10-03T06:00:00Z')
    const deps = await world.scheduler([], { drillPlans: [monthly] })
    const backup = aBackup({ no: 1, targets: ['aws'], requiredCopies: 1 })
    for (const fact of [backup.sealed(), backup.stored('aws')]) await deps.catalog.apply(fact)
    const wishes = await world.collect(DrillRequested)
    world.clock.set('2026-10-03T05:59:00Z')
    const ticker = new Ticker(deps)
    await ticker.tick()
    world.clock.set('2026-10-03T06:00:00Z')
    await ticker.tick()
    await eventually(() => expect(wishes).toHaveLength(1))
    const [wish] = wishes as [DrillRequested]
    await noteDrill(deps)(end(wish, 'inconclusive'), {} as never)
    expect(await deps.ledger.get(RUN)).toMatchObject({
      ...{ state: 'failed', reason: `${wish.backupId} from aws: inconclusive` },
    })
  })
})

function end(wish: DrillRequested, verdict: DrillFinished['verdict']): DrillFinished {
  const { runId, backupId, sourceId, policyId, kind, targetId } = wish
  const at = Date.parse('2026-10-03T06:30:00Z')
  return {
    ...{ drillId: newDrillId(at), runId, backupId, sourceId, policyId, kind, targetId, verdict },
    ...{ reasons: verdict === 'proven' ? [] : ['the target is away'], finishedAt: moment(at), durationMs: 1 },
  }
}
