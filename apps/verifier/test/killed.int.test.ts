import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdir, readFile, rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { until } from '@lifeboat/testkit/eventually.ts'
import { startVerifier } from '@lifeboat/verifier/service.ts'
import { expect, test } from 'vitest'
import { openDrillRoom } from './drill-room.ts'

/** Programs that work below a folder, by their arguments. */
async function workingIn(folder: string): Promise<string[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name))
  const args = await Promise.all(pids.map((pid) => readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')))
  return args.filter((each) => each.includes(folder))
}

test('a verifier killed in the middle of a restore leaves a server running, and the next start clears it away', async () => {
  const child = spawn(process.execPath, [fileURLToPath(new URL('./drill-to-be-killed.ts', import.meta.url))], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const [said] = (await Promise.race([once(child.stdout, 'data'), once(child, 'exit')])) as [Buffer | number]
  const scratchPath = String(said)
  const scratch = async () => (await readdir(scratchPath)).filter((name) => name.startsWith('scratch-'))
  child.kill('SIGKILL')
  await once(child, 'exit')
  expect(await scratch()).toHaveLength(2)
  expect(await workingIn(scratchPath)).not.toEqual([])

  await using room = await openDrillRoom()
  const bus = { ...room.deps.bus, consume: async () => ({ stopped: Promise.resolve() }) }
  await startVerifier({ ...room.deps, bus, scratchPath }, AbortSignal.timeout(60_000))
  expect(await scratch()).toEqual([])
  await until(
    () => workingIn(scratchPath),
    (programs) => programs.length === 0,
  )
  await rm(dirname(scratchPath), { recursive: true, force: true })
})
