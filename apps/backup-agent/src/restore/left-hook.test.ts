import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { silentLogger } from '@lifeboat/shared/log/logger.ts'
import { isRunning, markOf } from '@lifeboat/shared/run/process-mark.ts'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { startAgain } from './around-swap.ts'
import type { Entry } from './book.ts'
import type { AnyCommand } from './command.ts'
import { outlastLeftHook } from './left-hook.ts'
import { runNoted } from './noted-hook.ts'

type Left = NonNullable<Entry['hook']>

let folder = ''
const owned = new AsyncDisposableStack()
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lifeboat-left-hook-'))
  owned.defer(() => rm(folder, { recursive: true }))
})
afterAll(() => owned.disposeAsync())

/** A command with a page in the book, and what it told. */
function aCommand(hook?: Left, leaving = new AbortController().signal) {
  let entry = { stage: 'stopping', stopped: true, hook }
  const reached: string[] = []
  const command = {
    ...{
      order: { restoreId: 'a-restore', sourceId: 'records', hooks: { start: 'quick' } },
      run: { log: silentLogger },
    },
    restore: { hooks: { quick: { command: ['/bin/true'], timeout: 10_000, env: {} } } },
    ...{ leaving, report: (phase: string) => reached.push(phase) },
    entry: () => entry,
    step: async (stage: string, more: object) => {
      entry = { ...entry, ...more, stage }
    },
  } as unknown as AnyCommand
  return { command, reached, noted: () => entry.hook }
}

/** Begun by a life of the agent of which nothing but the book is left. */
async function begin(on: Left['on'], words: readonly string[], timeout = 20_000) {
  const { command, noted } = aCommand()
  const ran = runNoted(command, { command: [...words], timeout: 60_000, env: {} }, { name: 'slow', on, swapped: false })
  const ended = ran.then(
    () => 'at its end',
    ({ facts }) => String(facts.problem),
  )
  const left = { ...(await vi.waitUntil(noted, 90_000)), timeoutMs: timeout }
  return { left, ended, noted }
}

test.each<[string, string[]]>([
  ['a script', ['/bin/sh', '-c', 'sleep 1; true']],
  ['one command', ['/bin/bash', '-c', 'sleep 1']],
  ['a script that ends in another program', ['/bin/sh', '-c', 'sleep 0.1; exec sleep 1']],
])('a start hook of an earlier life is waited for, whatever runs in its place: %s', async (_, words) => {
  const { left, ended, noted } = await begin('start', words)
  const { command, reached } = aCommand(left)
  await outlastLeftHook(command)
  expect([reached, await ended, noted()]).toEqual([['start hook of an earlier life'], 'at its end', undefined])
})

test.each(['stop', 'start', 'ready'] as const)(
  'a %s hook of an earlier life that takes too long is killed',
  async (on) => {
    const { left, ended } = await begin(on, ['/bin/sh', '-c', 'sleep 60; true'], 300)
    await outlastLeftHook(aCommand(left).command)
    expect(await ended).toBe('it was ended by SIGKILL')
  },
)

test('whoever has to end kills one that stops the service, lets one that starts it go on by itself, and starts it no second time', async () => {
  const leaving = AbortSignal.abort(new Error('told to end'))
  const stops = await begin('stop', ['/bin/sleep', '60'])
  await outlastLeftHook(aCommand(stops.left, leaving).command)
  expect(await stops.ended).toBe('it was ended by SIGKILL')
  const starts = await begin('start', ['/bin/sleep', '60'])
  const { command, reached, noted } = aCommand(starts.left, leaving)
  await expect(outlastLeftHook(command)).rejects.toThrow('told to end')
  await startAgain(command)
  expect([reached, noted()]).toEqual([['start hook of an earlier life'], starts.left])
  process.kill(-starts.left.pid, 'SIGKILL')
})

test('a post hook of an earlier life is ended at once: what it finishes is put together anew', async () => {
  const { left, ended } = await begin('post', ['/bin/sleep', '60'], 600_000)
  await outlastLeftHook(aCommand(left).command)
  expect(await ended).toBe('it was ended by SIGKILL')
})

test('neither the service a start hook has left running nor who has its number by now is waited for, and they run on', async () => {
  const pidFile = join(folder, 'pid')
  const { left, ended, noted } = await begin('start', [
    '/bin/sh',
    '-c',
    `sleep 0.2; setsid sleep 61 & echo $! > ${pidFile}`,
  ])
  expect([await ended, noted()]).toEqual(['at its end', undefined])
  const pid = Number(await readFile(pidFile, 'utf8'))
  owned.defer(() => void process.kill(pid))
  for (const hook of [left, { ...left, pid, timeoutMs: 300 }]) {
    const { command, reached } = aCommand(hook)
    await outlastLeftHook(command)
    expect([reached, await isRunning({ pid, startTicks: undefined })]).toEqual([[], true])
  }
})

test('a hook that cannot be killed is given up in time, and stays in the book as long as it runs', async () => {
  const { command, noted } = aCommand()
  const kill = vi.spyOn(process, 'kill')
  kill.mockImplementation((pid, signal) => {
    if (signal !== 0 && pid < 0) throw Object.assign(new Error('kill EPERM'), { code: 'EPERM' })
    return true
  })
  const hook = { command: ['/bin/sleep', '60'], timeout: 100, env: {} }
  const ran = runNoted(command, hook, { name: 'slow', on: 'stop', swapped: false })
  const problem = 'it did not end within 100 ms and cannot be killed'
  await expect(ran).rejects.toMatchObject({ code: 'RESTORE_HOOK_FAILED', facts: { problem } })
  kill.mockRestore()
  const left = noted()
  expect(left && (await isRunning(left))).toBe(true)
  process.kill(-Number(left?.pid), 'SIGKILL')
})

test('a hook does nothing before it is in the book, and never does where the agent dies before', async () => {
  const file = join(folder, 'begun-too-early')
  const script = `
    import { runHook } from ${JSON.stringify(join(import.meta.dirname, 'hooks.ts'))}
    const begun = (pid) => { console.log(pid); return new Promise(() => {}) }
    await runHook({ command: ['/usr/bin/touch', ${JSON.stringify(file)}], timeout: 60_000, env: {} }, { begun })`
  const agent = spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: ['ignore', 'pipe', 'inherit'] })
  const [told] = await once(agent.stdout, 'data')
  await sleep(500)
  const hook = await markOf(Number(told))
  expect([await isRunning(hook), existsSync(file)]).toEqual([true, false])
  agent.kill('SIGKILL')
  await vi.waitUntil(async () => !(await isRunning(hook)), 10_000)
  expect(existsSync(file)).toBe(false)
})

test('a full disk does not keep a hook from being run', async () => {
  const { command } = aCommand()
  command.step = async () => {
    throw new Error('the disk is full')
  }
  const file = join(folder, 'ran')
  await writeFile(file, '')
  const hook = { command: ['/bin/sh', '-c', `echo yes > ${file}`], timeout: 10_000, env: {} }
  await runNoted(command, hook, { name: 'quick', on: 'start', swapped: true })
  expect(await readFile(file, 'utf8')).toBe('yes\n')
})
