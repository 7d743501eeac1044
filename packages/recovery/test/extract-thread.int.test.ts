import { execFile } from 'node:child_process'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { childEnvironment } from '@lifeboat/testkit/child-environment.ts'
import { expect, test } from 'vitest'

const FIXTURE = fileURLToPath(new URL('fixtures/open-thread.ts', import.meta.url))

test('the thread that extracts keeps what Node makes of its sources where its process does, and erases no types the next time', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'lifeboat-compiled-'))
  const kept = async (...args: string[]) => {
    const env = childEnvironment({ NODE_COMPILE_CACHE: folder })
    await promisify(execFile)(process.execPath, [FIXTURE, ...args], { env })
    const [ofThisNode, ...others] = await readdir(folder)
    expect(others).toEqual([])
    return readdir(join(folder, ofThisNode ?? ''))
  }
  const before = await kept()
  const after = await kept('ask')
  // Its own sources, which its process reads none of.
  expect(after.length).toBeGreaterThan(before.length + 10)
  expect(await kept('ask')).toEqual(after)
  await rm(folder, { recursive: true })
})
