import { chmod, mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { hostname, tmpdir } from 'node:os'
import { join } from 'node:path'
import { silentLogger } from '@lifeboat/shared/log/logger.ts'
import { Footings } from '@lifeboat/shared/service/footings.ts'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { lookAtFootings } from './look-at-footings.ts'

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lifeboat-look-'))
  vi.stubEnv('PATH', '')
  await mkdir(join(folder, 'tools'))
  await install('age', 'zstd')
})
afterEach(async () => {
  vi.unstubAllEnvs()
  await rm(folder, { recursive: true })
})

async function install(...programs: string[]): Promise<void> {
  for (const program of programs) {
    await writeFile(join(folder, 'tools', program), '')
    await chmod(join(folder, 'tools', program), 0o755)
  }
}

async function firstLook(scratchPath = join(folder, 'scratch')) {
  const footings = new Footings()
  const stop = new AbortController()
  lookAtFootings({ footings, log: silentLogger, scratchPath, toolPaths: [join(folder, 'tools')] }, stop.signal)
  const [found] = await vi.waitUntil(() => footings.all().length > 0 && footings.all(), 90_000)
  stop.abort()
  return found
}

test('a scratch path in which drills can work holds, and nothing of the look is left there', async () => {
  expect(await firstLook()).toMatchObject({ part: 'scratch', name: 'verifier' })
  expect((await firstLook())?.error).toBeUndefined()
  expect(await readdir(join(folder, 'scratch'))).toEqual([])
})

test('a scratch path that cannot be made, and a program that is gone, are found out before the drill, with the host', async () => {
  await writeFile(join(folder, 'file'), '')
  const path = join(folder, 'file', 'scratch')
  const host = hostname()
  expect(await firstLook(path)).toMatchObject({ error: { code: 'DRILL_SCRATCH_UNAVAILABLE', facts: { path, host } } })
  await rm(join(folder, 'tools', 'zstd'))
  expect(await firstLook()).toMatchObject({ error: { code: 'TOOL_MISSING', facts: { tool: 'zstd', host } } })
})
