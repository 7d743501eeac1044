import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { Ledger } from '@lifeboat/catalog/ledger.ts'
import { BackupRequested } from '@lifeboat/shared/bus/messages/backup.ts'
import { childEnvironment } from '@lifeboat/testkit/child-environment.ts'
import { eventually } from '@lifeboat/testkit/eventually.ts'
import { expect, it } from 'vitest'
import { schedulerWorld } from './scheduler-world.ts'

const MAIN = new URL('../src/main.ts', import.meta.url).pathname

it('two scheduler processes ask for every run once, also when one of them is killed and comes back', async () => {
  await using world = await schedulerWorld('2026-09-26T00:00:00Z')
  await using folder = await temporaryFolder()
  const config = join(folder.path, 'lifeboat.yaml')
  await writeFile(config, yaml(world.nats.url, folder.path))
  const wishes = await world.collect(BackupRequested)
  await using first = scheduler(config)
  await using second = scheduler(config)
  await eventually(() => expect(wishes.length).toBeGreaterThan(2))
  await second.kill()
  const before = wishes.length
  await using third = scheduler(config)
  await eventually(() => expect(wishes.length).toBeGreaterThan(before + 2))
  expect(first.running && third.running).toBe(true)

  const ids = wishes.map(({ runId }) => runId)
  expect(new Set(ids).size).toBe(ids.length)
  const asked = ids.toSorted()
  const between = (id: string) => id >= (asked[0] ?? '') && id <= (asked.at(-1) ?? '')
  const ledger = await Ledger.open(world.bus)
  // Who asks for a run writes that down behind it.
  await eventually(async () => {
    const entries = (await Array.fromAsync(ledger.entries())).filter(({ runId }) => between(runId))
    expect(entries.filter(({ state }) => state === 'expected')).toEqual([])
    // No agent is there: each run gave way to the next, and all that were asked for are on record.
    expect(asked.every((id) => entries.some(({ runId, state }) => runId === id && /wished|skipped/.test(state)))).toBe(
      true,
    )
  })
})

function scheduler(config: string) {
  const env = childEnvironment({ LIFEBOAT_CONFIG: config, LIFEBOAT_LOG_LEVEL: 'warn' })
  const child: ChildProcess = spawn(process.execPath, [MAIN], { env, stdio: ['ignore', 'ignore', 'inherit'] })
  const end = async (signal: NodeJS.Signals) => {
    if (child.exitCode !== null || child.signalCode !== null) return
    child.kill(signal)
    await once(child, 'exit')
  }
  return {
    get running() {
      return child.exitCode === null && child.signalCode === null
    },
    kill: () => end('SIGKILL'),
    async [Symbol.asyncDispose]() {
      await Promise.race([end('SIGTERM'), pause(15_000, undefined, { ref: false })])
      await end('SIGKILL')
    },
  }
}

async function temporaryFolder() {
  const path = await mkdtemp(join(tmpdir(), 'lifeboat-schedulers-'))
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) }
}

const yaml = (nats: string, folder: string) => `
version: 1
fleet: test
bus: { servers: ['${nats}'] }
targets:
  disk: { kind: filesystem, path: ${folder} }
sources:
  records: { agent: db1, database: records, user: lifeboat }
policies:
  every-second:
    sources: [records]
    kind: dump
    schedule: { cron: '* * * * * *' }
    targets: [disk]
`
