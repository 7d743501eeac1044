import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type ServiceProcess, spawnService } from '@lifeboat/testkit/world/processes.ts'
import type { WorldTarget } from '@lifeboat/testkit/world/targets.ts'
import type { Fleet } from './fleet.ts'

export type Targets = Readonly<Record<string, WorldTarget['config']>>

/** Starts an uploader as a process of its own. With it go its configuration and its log. `secrets`: variables that `targets` refers to. */
export async function startProcess(
  { nats, spool }: Fleet,
  targets: Targets,
  secrets: Readonly<Record<string, string>> = {},
): Promise<Pick<ServiceProcess, 'kill' | 'log'> & AsyncDisposable> {
  const folder = await mkdtemp(join(tmpdir(), 'lifeboat-uploader-'))
  const configPath = join(folder, 'lifeboat.yaml')
  const agent = { url: spool.url, token: 'env:AGENT_TOKEN', signingKey: 'env:NOT_HERE', spool: { path: '/nowhere' } }
  const config = {
    ...{ version: 1, fleet: 'acme', bus: { servers: [nats.url] }, agents: { db1: agent }, targets, policies: {} },
    uploader: { concurrency: 3 },
  }
  await writeFile(configPath, JSON.stringify(config))
  const env = { ...secrets, AGENT_TOKEN: spool.token }
  const uploader = spawnService({ service: 'uploader', name: 'uploader', configPath, logFolder: folder, env })
  await uploader.ready()
  return {
    kill: uploader.kill.bind(uploader),
    log: () => uploader.log(),
    async [Symbol.asyncDispose]() {
      await uploader.kill('SIGKILL')
      await rm(folder, { recursive: true, force: true })
    },
  }
}
