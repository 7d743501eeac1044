import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'

test('bulk bytes that pass neither pile up nor have the living heap marked over and over', async () => {
  const fixture = fileURLToPath(new URL('fixtures/stream-much.ts', import.meta.url))
  const { stdout } = await promisify(execFile)(process.execPath, [fixture])
  const { majors, mostBuffers } = JSON.parse(stdout) as { majors: number; mostBuffers: number }
  expect(majors).toBeLessThanOrEqual(10)
  expect(mostBuffers).toBeLessThan(80e6)
})

test('memory that somebody gives back by hand is not looked for meanwhile', async () => {
  const fixture = fileURLToPath(new URL('fixtures/hold-much.ts', import.meta.url))
  // After eight seconds V8 looks by itself for what an idle process could give back, and a busy machine may take as long.
  const { stdout } = await promisify(execFile)(process.execPath, ['--no-memory-reducer', fixture])
  expect(JSON.parse(stdout)).toEqual({ majors: 0 })
})
