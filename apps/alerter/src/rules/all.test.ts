import { IncidentRule } from '@lifeboat/shared/domain/incident.ts'
import { describe, expect, it } from 'vitest'
import { aBackup, aBase, aRun, at, aWal, aWorld, ok, physical, promise } from '../../test/builders.ts'
import { BACKUPS } from '../../test/cases/backups.ts'
import { KEYS } from '../../test/cases/keys.ts'
import { RUNS } from '../../test/cases/runs.ts'
import { SERVICES } from '../../test/cases/services.ts'
import { TARGETS } from '../../test/cases/targets.ts'
import { WAL } from '../../test/cases/wal.ts'
import type { World } from '../world.ts'
import { judge, RULES } from './all.ts'

const CASES = { ...RUNS, ...BACKUPS, ...TARGETS, ...WAL, ...SERVICES, ...KEYS }

describe('the rules', () => {
  it('judge as the golden file says', async () => {
    const judged = Object.fromEntries(
      Object.entries(CASES).map(([title, world]) => [title, judge(world).filter((judgement) => 'rule' in judgement)]),
    )
    await expect(`${JSON.stringify(judged, null, 2)}\n`).toMatchFileSnapshot('../../test/golden/rules.golden.json')
  })

  it('are as many as the kinds of incidents there are, and each was seen to speak', () => {
    const heard = Object.values(CASES).flatMap((world) =>
      judge(world).flatMap((found) => ('rule' in found ? found.rule : [])),
    )
    expect(RULES).toHaveLength(IncidentRule.options.length)
    expect([...new Set(heard)].sort()).toEqual([...IncidentRule.options].sort())
  })

  it('say nothing when all is well', () => {
    const services = [{ service: 'scheduler', lastSeenMs: at('26T11:59') }]
    const world = aWorld('26T12:00', {
      wal: [aWal('26T12:00')],
      objectives: [promise({ rpoMs: 10_000, by: 'wal' })],
      ...physical(aBase(25)),
      runs: [ok, aRun('26T02:00', 'succeeded')],
      backups: [aBackup(26), aBackup(25)],
      services,
    })
    expect(judge(world).filter((judgement) => 'rule' in judgement)).toEqual([])
  })

  it('a policy whose backups left the recent ones is unknown, not well', () => {
    const unknown = judge(aWorld('26T12:00')).map(({ cause }) => cause)
    expect(unknown).toEqual([
      'undersized.records.daily',
      'growth.records.daily',
      'unproven.records.daily.alpha',
      'unproven.records.daily.beta',
    ])
  })

  it('that nobody tells of a target, or only lately that it is lost, leaves an incident of it as it is', () => {
    const world = SERVICES['footing-lost: not for ten minutes yet, one that holds, and one nobody tells of'] as World
    const unknown = judge(world).filter(({ cause }) => cause.startsWith('footing-lost'))
    expect(unknown.map(({ cause }) => cause)).toEqual(['footing-lost.target.beta', 'footing-lost.target.gamma'])
  })

  it('give every cause the form of a key, whatever the names', () => {
    const causes = Object.values(CASES).flatMap((world) => judge(world).map(({ cause }) => cause))
    for (const cause of causes) expect(cause).toMatch(/^[a-z0-9][A-Za-z0-9._-]{0,200}$/)
  })
})
