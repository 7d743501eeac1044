import { TARGET_KINDS } from '@lifeboat/storage/open-target.ts'
import { expect, test } from 'vitest'
import { measureUploads } from '../upload.ts'

test('the upload benchmark measures every kind of target', async () => {
  const measures = await measureUploads({ totalBytes: 4_000_000, partBytes: 1_000_000 })
  expect(measures.map(({ kind }) => kind).toSorted()).toEqual(TARGET_KINDS.toSorted())
  for (const measure of measures) {
    expect(measure.bytes).toBe(4_000_000)
    expect(measure.bytesPerSecond).toBeGreaterThan(0)
    expect(measure.rssPeakBytes).toBeGreaterThanOrEqual(measure.rssEarlyBytes)
  }
})
