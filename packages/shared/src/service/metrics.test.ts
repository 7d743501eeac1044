import { expect, test } from 'vitest'
import { silentLogger } from '../log/logger.ts'
import { createMetrics } from './metrics.ts'

test('one call writes the log line, counts the event and measures its bytes and duration', async () => {
  const lines: unknown[] = []
  const log = { ...silentLogger, info: (facts: object, sentence: string) => lines.push({ ...facts, sentence }) }
  const metrics = createMetrics('uploader')
  const partStored = metrics.event({ event: 'part.stored', sentence: 'stored part', labels: ['targetId'] })
  partStored(log, { targetId: 'aws', backupId: 'b1', bytes: 1000, durationMs: 250 })
  partStored(log, { targetId: 'aws', backupId: 'b2', bytes: 500, durationMs: 250 })
  const text = await metrics.text()
  expect(text).toContain('lifeboat_part_stored_total{targetId="aws",service="uploader"} 2')
  expect(text).toContain('lifeboat_part_stored_bytes_total{targetId="aws",service="uploader"} 1500')
  expect(text).toContain('lifeboat_part_stored_seconds_sum{service="uploader",targetId="aws"} 0.5')
  expect(text).not.toContain('b1')
  expect(lines[0]).toEqual({
    event: 'part.stored',
    targetId: 'aws',
    backupId: 'b1',
    bytes: 1000,
    durationMs: 250,
    sentence: 'stored part',
  })
})

test('a gauge is read when it is scraped', async () => {
  const metrics = createMetrics('backup-agent')
  let bytes = 1
  metrics.gauge('lifeboat_spool_bytes', 'Bytes in the spool', () => bytes)
  bytes = 42
  expect(await metrics.text()).toContain('lifeboat_spool_bytes{service="backup-agent"} 42')
})

test('gauges show one value per label, and none for what is gone', async () => {
  const metrics = createMetrics('scheduler')
  const values = new Map([
    ['records', 30],
    ['audit', 5],
  ])
  metrics.gauges('lifeboat_offsite_rpo_seconds', 'Work that would be lost', 'source', () => values)
  expect(await metrics.text()).toContain('lifeboat_offsite_rpo_seconds{source="records",service="scheduler"} 30')
  values.delete('audit')
  expect(await metrics.text()).not.toContain('audit')
})
