import type { SourceId } from '@lifeboat/shared/domain/ids.ts'
import { silentLogger } from '@lifeboat/shared/log/logger.ts'
import { Footings } from '@lifeboat/shared/service/footings.ts'
import { expect, test, vi } from 'vitest'
import type { AgentSource } from './config.ts'
import type { AgentDeps } from './deps.ts'
import { lookAtFootings } from './look-at-footings.ts'

test('the sources are looked at one after the other, for a cluster with 90 of them has no 90 places for logins', async () => {
  const names = Array.from({ length: 90 }, (_, place) => `source${place}` as SourceId)
  const sources = new Map(names.map((name) => [name, { files: { root: '/nowhere' } } as unknown as AgentSource]))
  const stop = new AbortController()
  const footings = new Footings()
  const keepLooking = vi.spyOn(footings, 'keepLooking').mockResolvedValue()
  const deps = { cfg: { agentId: 'db1', sources }, spool: {}, footings, log: silentLogger } as unknown as AgentDeps
  lookAtFootings(deps, stop.signal)
  const looks = keepLooking.mock.calls.filter(([{ part }]) => part === 'source')
  expect(looks.map(([{ name }]) => name)).toEqual(names)
  const [shared, ...others] = new Set(looks.map(([, , how]) => how.turns))
  expect(others).toEqual([])
  await shared?.take(stop.signal)
  let second = false
  void shared?.take(stop.signal).then(
    () => {
      second = true
    },
    () => {},
  )
  await new Promise((resolve) => setImmediate(resolve))
  expect(second).toBe(false)
  stop.abort()
})
