import { MemoryCatalog } from '@lifeboat/catalog/memory-catalog.ts'
import { recordWal } from '@lifeboat/catalog/wal-record.ts'
import type { RunId, TargetId } from '@lifeboat/shared/domain/ids.ts'
import { describe, expect, test } from 'vitest'
import { at, baseFacts, lostBetween, walState } from '../test/physical-facts.ts'
import { drillGoal, type GoalQuestion } from './drill-goal.ts'

const record = recordWal(undefined, walState(-60))

async function theBase(): Promise<GoalQuestion['backup']> {
  const catalog = new MemoryCatalog()
  const { facts, backupId } = baseFacts(-5)
  for (const fact of facts) await catalog.apply(fact)
  return (await catalog.get(backupId as never)) as GoalQuestion['backup']
}

async function ask(over: Partial<GoalQuestion> = {}) {
  const backup = await theBase()
  const question = { mode: 'random', runId: 'drill.1' as RunId, targetId: 'alpha' as TargetId } as const
  return drillGoal({ ...question, backup, state: walState(0), record, ...over })
}
const timeOf = async (over: Partial<GoalQuestion> = {}) =>
  ((await ask(over)).recoverTo as { time: string } | undefined)?.time ?? ''

describe('how far a drill of a base recovers', () => {
  test('to a random moment behind its end, the same for the same run', async () => {
    const times = await Promise.all(Array.from({ length: 40 }, (_, i) => timeOf({ runId: `drill.${i}` as RunId })))
    for (const time of times) expect(time > at(-5) && time <= at(0)).toBe(true)
    expect(new Set(times).size).toBe(40)
    expect(await timeOf()).toBe(await timeOf())
  })

  test('no further than the WAL its own target holds, and than the newest commit known to be there', async () => {
    const behind = { lsn: walState(-4).safe.lsn, at: at(-4.9) }
    for (const state of [walState(0, { targets: { alpha: behind } }), walState(0, { heartbeatAt: at(-4.9) })])
      for (let i = 0; i < 20; i += 1)
        expect((await timeOf({ state, runId: `run.${i}` as RunId })) <= at(-4.9)).toBe(true)
  })

  test('not into a hole', async () => {
    const holed = recordWal(recordWal(record, walState(-4)), walState(-2, lostBetween(-4, -3)))
    expect((await timeOf({ record: holed })) <= at(-4)).toBe(true)
  })

  test('to the end of the backup where the policy says so, or nothing behind it is off-site yet', async () => {
    expect(await ask({ mode: 'end' })).toEqual({})
    expect(await ask({ state: undefined })).toEqual({})
    expect(await ask({ record: undefined })).toEqual({})
    expect(await ask({ state: walState(-5) })).toEqual({})
    expect(await ask({ state: walState(0, { targets: {} }) })).toEqual({})
    expect(await ask({ mode: 'latest', state: undefined })).toEqual({})
  })

  test('through all WAL there is where the policy says so, and at least as far as its target confirmed', async () => {
    const { timeline, targets } = walState(0)
    const held = { timeline, lsn: targets['alpha' as TargetId]?.lsn }
    expect(await ask({ mode: 'latest' })).toEqual({ recoverTo: 'latest', held })
  })

  test('no further than to a hole that is known, and that is no fault of the archive', async () => {
    const holed = recordWal(recordWal(record, walState(-4)), walState(-2, lostBetween(-4, -3)))
    expect(await ask({ mode: 'latest', record: holed })).toEqual({ recoverTo: 'latest' })
  })

  test('a dump has no WAL to go through', async () => {
    const { physical: _, ...dump } = await theBase()
    expect(await ask({ backup: dump })).toEqual({})
  })
})
