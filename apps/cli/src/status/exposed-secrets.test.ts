import type { SourceSummary } from '@lifeboat/catalog/catalog.ts'
import { expect, test } from 'vitest'
import { styleFor } from '../format/style.ts'
import { exposedSecrets } from './exposed-secrets.ts'
import type { FleetStatus } from './status.ts'
import { statusText } from './status-text.ts'

/** Newest first: the place in the chain, and how many secrets others may read. */
function found(...rows: [chain: number, exposed: number][]) {
  const recent = rows.map(([chain, exposed], i) => ({
    backupId: `b${i}`,
    files: { root: '/opt/app', chain, unreadable: 0, exposedSecrets: exposed },
  }))
  return exposedSecrets({ recent: [{ backupId: 'dump' }, ...recent] } as unknown as SourceSummary)
}

test('secrets others may read are told by the newest backup of the chain that names some', () => {
  expect(exposedSecrets(undefined)).toBeUndefined()
  expect(found([0, 0])).toBeUndefined()
  expect(found([0, 2])).toEqual({ backupId: 'b0', count: 2 })
  expect(found([2, 0], [1, 1], [0, 2])).toEqual({ backupId: 'b1', count: 1 })
  expect(found([1, 0], [0, 3])).toEqual({ backupId: 'b1', count: 3 })
})

test('what an older chain named is over', () => {
  expect(found([1, 0], [0, 0], [1, 4], [0, 4])).toBeUndefined()
})

test('status says it in a line of its source, and where to look', () => {
  const source = { sourceId: 'app', light: 'green', reasons: [], provenAt: {}, running: [], lastRuns: [] }
  const told = { ...source, objectives: { windows: [] }, exposedSecrets: { backupId: 'b1', count: 3 } }
  const status = { fleet: 'acme', at: '2026-11-30T00:00:00.000Z', light: 'green', sources: [told], sets: [] }
  const text = statusText({ ...status, services: [], incidents: [] } as unknown as FleetStatus, styleFor(false))
  expect(text).toMatch(/secrets +3 can be read by others than their owner on the host: `lifeboat backup show b1`/)
})
