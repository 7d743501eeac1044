import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync, statSync } from 'node:fs'
import { chmod, mkdir, mkdtemp, readdir, rm, symlink, truncate, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { connectSource } from '@lifeboat/postgres/connection.ts'
import { openScratch, type ScratchOptions } from '@lifeboat/postgres/scratch/scratch-server.ts'
import { sweepScratch } from '@lifeboat/postgres/scratch/sweep.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import { silentLogger } from '@lifeboat/shared/log/logger.ts'
import { systemClock } from '@lifeboat/shared/time/clock.ts'
import { orNotRun } from '@lifeboat/testkit/conditions.ts'
import { until } from '@lifeboat/testkit/eventually.ts'
import { installedMajors } from '@lifeboat/testkit/postgres.ts'
import { afterEach, beforeEach, expect, onTestFinished, test, vi } from 'vitest'

let root: string
const [major = 15] = installedMajors()
const options = (): ScratchOptions => ({
  root,
  name: 'one',
  major,
  superuser: 'Super Ärztin',
  needBytes: 1,
  toolPaths: [],
  signal: AbortSignal.timeout(300_000),
})
const sweep = (now = systemClock.now()) => sweepScratch(root, { clock: { now: () => now }, log: silentLogger })

/** Clusters to copy from stay on purpose. */
const left = async (path = root) => (await readdir(path)).filter((name) => !name.startsWith('template-'))

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'lifeboat-scratch-'))
  await chmod(root, 0o755)
})
afterEach(() => rm(root, { recursive: true, force: true }))

async function ask(scratch: { connection: Awaited<ReturnType<typeof openScratch>>['connection'] }, sql: string) {
  await using client = await connectSource(scratch.connection('postgres'), {
    applicationName: 'test',
    lockTimeoutMs: 1000,
  })
  return (await client.query(sql)).rows[0]
}

/** Empty once the process ended, be it as a zombie. */
function argumentsOf(pid: number): string {
  return existsSync(`/proc/${pid}/cmdline`) ? readFileSync(`/proc/${pid}/cmdline`, 'utf8') : ''
}

test('a scratch server answers on its socket only, as the superuser of the source, and leaves nothing behind', async () => {
  {
    await using scratch = await openScratch(options())
    expect(
      await ask(
        scratch,
        `select current_user as who, current_setting('listen_addresses') as tcp, current_setting('fsync') as fsync`,
      ),
    ).toEqual({
      who: 'Super Ärztin',
      tcp: '',
      fsync: 'off',
    })
    expect(scratch.version).toContain(`PostgreSQL) ${major}`)
    expect(await scratch.trouble()).toBeUndefined()
    expect(await sweep()).toEqual([])
  }
  expect(await left()).toEqual([])
})

test('a path too long for a socket gets its socket elsewhere, and that goes too', async () => {
  const deep = join(root, 'x'.repeat(90))
  let socketFolder: string
  {
    await using scratch = await openScratch({ ...options(), root: deep })
    expect(await ask(scratch, 'select 1 as one')).toEqual({ one: 1 })
    socketFolder = scratch.connection('postgres').host
    expect(relative(deep, socketFolder)).toMatch(/^\.\./)
    expect(existsSync(socketFolder)).toBe(true)
  }
  expect(await left(deep)).toEqual([])
  expect(existsSync(socketFolder)).toBe(false)
})

test('a kept server stays stopped until its time is over', async () => {
  const scratch = await openScratch(options())
  const folder = await scratch.keep(1_000_000)
  await scratch[Symbol.asyncDispose]()
  expect(existsSync(join(folder, 'data', 'PG_VERSION'))).toBe(true)
  expect(existsSync(join(folder, 'data', 'postmaster.pid'))).toBe(false)
  expect(await sweep(999_999)).toEqual([])
  expect(await sweep(1_000_001)).toEqual(['scratch-one'])
  expect(existsSync(folder)).toBe(false)
})

/** Opens a scratch server in a process of its own, below whatever command is to start that; says `open` when it is. */
function beginElsewhere(more: Partial<ScratchOptions>, ...command: string[]) {
  const script = `
    const { openScratch } = await import(${JSON.stringify(import.meta.resolve('@lifeboat/postgres/scratch/scratch-server.ts'))})
    const scratch = await openScratch({ ...${JSON.stringify({ ...options(), ...more })}, signal: new AbortController().signal })
    console.log('open')
    setInterval(() => {}, 1000)`
  const [program = '', ...args] = [...command, process.execPath, '--input-type=module', '-e', script]
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  onTestFinished(() => void child.kill('SIGKILL'))
  return child
}

async function openElsewhere(...command: string[]) {
  const child = beginElsewhere({}, ...command)
  await Promise.race([once(child.stdout, 'data'), once(child, 'exit')])
  return child
}

test('what a killed process left is stopped and removed at the next start', async () => {
  const child = await openElsewhere()
  expect(await sweep()).toEqual([])
  child.kill('SIGKILL')
  await once(child, 'exit')
  const pid = Number(readFileSync(join(root, 'scratch-one/data/postmaster.pid'), 'utf8').split('\n')[0])
  expect(argumentsOf(pid)).toContain('postgres')
  expect(await sweep()).toEqual(['scratch-one'])
  expect(argumentsOf(pid)).toBe('')
  expect(await left()).toEqual([])
})

test('a server whose starter was killed before it wrote down its pid is found, too', async () => {
  const bin = join(root, 'bin')
  await mkdir(bin)
  for (const tool of ['initdb', 'pg_restore', 'psql'])
    await symlink(`/usr/lib/postgresql/${major}/bin/${tool}`, join(bin, tool))
  const slow = `#!/bin/sh\n[ "$1" != -D ] || while :; do sleep 0.1; done\nexec /usr/lib/postgresql/${major}/bin/postgres "$@"\n`
  await writeFile(join(bin, 'postgres'), slow, { mode: 0o755 })
  const child = beginElsewhere({ toolPaths: [bin] })
  const found = await until(
    () => spawnSync('pgrep', ['-of', `postgres -D ${join(root, 'scratch-one/data')} `], { encoding: 'utf8' }).stdout,
    (pids) => pids !== '',
  )
  const pid = Number(found)
  onTestFinished(() => void (argumentsOf(pid) !== '' && process.kill(pid, 'SIGKILL')))
  child.kill('SIGKILL')
  await once(child, 'exit')
  expect(argumentsOf(pid)).toContain('postgres')
  expect(await sweep()).toEqual(['scratch-one'])
  expect(argumentsOf(pid)).toBe('')
  expect(existsSync(join(root, 'scratch-one'))).toBe(false)
})

// Root in a container often may not; the only way to know is to try.
const mayUnshare = spawnSync('unshare', ['--pid', '--fork', '--kill-child', '--mount-proc', 'true']).status === 0
const canUnshare = orNotRun(mayUnshare, 'a server of another container', 'the right to make a PID namespace')
test.runIf(canUnshare)('a server of another container on the same volume stays while its verifier lives', async () => {
  const child = await openElsewhere('unshare', '--pid', '--fork', '--kill-child', '--mount-proc')
  expect(await left()).toEqual(['scratch-one'])
  expect(await sweep()).toEqual([])
  expect(existsSync(join(root, 'scratch-one/data/postmaster.pid'))).toBe(true)
  child.kill('SIGKILL')
  await once(child, 'exit')
  expect(await sweep(systemClock.now() + 60_000)).toEqual([])
  expect(await sweep(systemClock.now() + 180_000)).toEqual(['scratch-one'])
})

test('a server of a machine we cannot look into is judged by its heartbeat', async () => {
  // It beats once, as it begins.
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] })
  onTestFinished(() => void vi.useRealTimers())
  await using scratch = await openScratch(options())
  const note = join(root, 'scratch-one/scratch.json')
  const elsewhere = { ...JSON.parse(readFileSync(note, 'utf8')), pid: 4_194_300, place: 'another machine' }
  await writeFile(note, JSON.stringify(elsewhere))
  expect(await sweep(systemClock.now() + 60_000)).toEqual([])
  expect(await ask(scratch, 'select 1 as one')).toEqual({ one: 1 })
  const longAgo = new Date(systemClock.now() - 180_000)
  await utimes(join(root, 'scratch-one/heartbeat'), longAgo, longAgo)
  expect(await sweep()).toEqual(['scratch-one'])
})

test('a heart beats on until the server is disposed or kept', async () => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] })
  const hasBeaten = () => statSync(join(root, 'scratch-one/heartbeat')).mtimeMs > longAgo.getTime() + 1000
  const longAgo = new Date(systemClock.now() - 180_000)
  try {
    await using scratch = await openScratch(options())
    for (const beats of [true, false]) {
      if (!beats) await scratch.keep(systemClock.now() + 1e6)
      await utimes(join(root, 'scratch-one/heartbeat'), longAgo, longAgo)
      vi.advanceTimersByTime(30_000)
      if (beats) await until(hasBeaten, (beaten) => beaten)
      await pause(200)
      expect(hasBeaten()).toBe(beats)
    }
  } finally {
    vi.useRealTimers()
  }
})

test('a folder just made, without a note yet, is spared; an old one is not', async () => {
  await mkdir(join(root, 'scratch-young'))
  expect(await sweep()).toEqual([])
  expect(await sweep(systemClock.now() + 600_000)).toEqual(['scratch-young'])
})

test('no room, a major nobody installed, a path nobody may write: each says so and leaves nothing', async () => {
  const refused = (more: Partial<ScratchOptions>) => expect(openScratch({ ...options(), ...more })).rejects
  await refused({ needBytes: 1e18 }).toMatchObject({
    code: 'DRILL_SCRATCH_UNAVAILABLE',
    facts: { problem: 'not enough room' },
  })
  await refused({ major: 99 }).toMatchObject({
    code: 'DRILL_SCRATCH_UNAVAILABLE',
    facts: { package: 'postgresql-99' },
  })
  await refused({ root: '/dev/null/scratch' }).toMatchObject({ code: 'DRILL_SCRATCH_UNAVAILABLE' })
  await mkdir(join(root, 'scratch-taken'))
  await refused({ name: 'taken' }).toMatchObject({ code: 'DRILL_SCRATCH_UNAVAILABLE' })
  expect(await left()).toEqual(['scratch-taken'])
})

test('the second server of a kind is copied from the first one, which an unused month removes', async () => {
  for (const name of ['one', 'two']) await (await openScratch({ ...options(), name }))[Symbol.asyncDispose]()
  const templates = await readdir(root)
  expect(templates).toEqual([expect.stringMatching(/^template-/)])
  await sweep(systemClock.now() + 29 * 24 * 3_600_000)
  expect(await readdir(root)).toEqual(templates)
  await sweep(systemClock.now() + 31 * 24 * 3_600_000)
  expect(await readdir(root)).toEqual([])
})

test('a template damaged by a crash is made anew instead of failing every drill', async () => {
  await (await openScratch(options()))[Symbol.asyncDispose]()
  const [template = ''] = await readdir(root)
  await truncate(join(root, template, 'global/pg_control'), 0)
  for (const name of ['two', 'three']) {
    await using scratch = await openScratch({ ...options(), name })
    expect(await ask(scratch, 'select 1 as one')).toEqual({ one: 1 })
  }
  expect(statSync(join(root, template, 'global/pg_control')).size).toBe(8192)
  expect(await left()).toEqual([])
})

test('the template is on the disk before anything is copied from it', async () => {
  const bin = join(root, 'bin')
  await mkdir(bin)
  for (const tool of ['postgres', 'pg_restore', 'psql'])
    await symlink(`/usr/lib/postgresql/${major}/bin/${tool}`, join(bin, tool))
  const initdb = `#!/bin/sh\ncase "$*" in *--auth*) echo "$@" >initdb-args;; esac\nexec /usr/lib/postgresql/${major}/bin/initdb "$@"\n`
  await writeFile(join(bin, 'initdb'), initdb, { mode: 0o755 })
  await using _scratch = await openScratch({ ...options(), toolPaths: [bin] })
  const args = readFileSync(join(root, 'scratch-one/initdb-args'), 'utf8')
  expect(args).toContain('--auth=trust')
  expect(args).not.toContain('sync')
})

test('an abort during the boot gives its reason and leaves nothing', async () => {
  const reason = new LifeboatError('SERVICE_STOPPING')
  const stop = new AbortController()
  setTimeout(() => stop.abort(reason), 150)
  await expect(openScratch({ ...options(), signal: stop.signal })).rejects.toBe(reason)
  expect(await left()).toEqual([])
})
