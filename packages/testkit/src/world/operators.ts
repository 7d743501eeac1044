import { execFile } from 'node:child_process'
import { chmod, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { freePort } from '../free-port.ts'
import { postgresHooks } from '../postgres-hooks.ts'
import type { World } from '../world.ts'
import { AGENT, SOURCE } from './config.ts'

const run = promisify(execFile)

/** Two operators, ann and ben, whose commands the agent of a world obeys. */
export interface Operators {
  keyFile(name: 'ann' | 'ben'): string
  /** The age identity that opens the backups of the world. */
  identityFile: string
}

/**
 * Sets up agent and uploader for restores on signed commands; they must not have been started yet.
 *
 * @param opts.clusters clusters come back too: beside, and in place by hooks that stop and start the server
 */
export async function letRestore(world: World, { clusters }: { clusters: boolean }): Promise<Operators> {
  const { folder, source } = world
  const at = (name: string) => join(folder, name)
  for (const name of ['ann', 'ben']) {
    const made = await world.cli(['operator', 'key', 'new', name, '--out', at('operators'), '--json'])
    if (made.code !== 0) throw new Error(made.stderr + made.stdout)
  }
  const publicKey = async (name: string) => (await readFile(at(`operators/${name}.operator.pub`), 'utf8')).trim()
  const operators = { ann: await publicKey('ann'), ben: await publicKey('ben') }
  await run('age-keygen', ['-o', at('agent-identity')])
  await chmod(at('agent-identity'), 0o600)
  const recipient = (await run('age-keygen', ['-y', at('agent-identity')])).stdout.trim()
  await writeFile(at('super-password'), source.postgres.password, { mode: 0o600 })
  const serverHooks = Object.entries(clusters ? await postgresHooks(source.postgres, folder) : {})
  const lend = `127.0.0.1:${await freePort()}`
  await world.reconfigure((config) => {
    const agent = config.agents[AGENT as never] as Record<string, unknown>
    agent.restore = {
      ...{ operators, recipient, identity: `file:${at('agent-identity')}`, uploaders: [`http://${lend}`] },
      ...(clusters && { clusters: at('clusters') }),
      hooks: Object.fromEntries([
        ...['stop-app', 'start-app', 'check-app'].map((name) => [name, { command: ['/bin/true'] }]),
        ['fail-app', { command: ['/bin/false'] }],
        [
          'install-packages',
          { command: ['/usr/bin/env', 'npm', 'ci', '--omit=dev', '--offline'], env: npmEnv(folder) },
        ],
        // Goes on when somebody makes the file `let-go` in the world's folder.
        [
          'slow-app',
          { command: ['/bin/sh', '-c', `until [ -e ${at('let-go')} ]; do sleep 0.2; done`], timeout: '20m' },
        ],
        ...serverHooks.map(([name, hook]) => [name, { ...hook, timeout: `${hook.timeout}ms` }]),
      ]),
    }
    Object.assign(config.sources[SOURCE as never] as object, {
      restore: {
        ...{ user: source.postgres.user, password: `file:${at('super-password')}` },
        ...(clusters && { dataDirectory: source.postgres.dataDir }),
      },
    })
    config.uploader = { ...config.uploader, lend }
  })
  return {
    keyFile: (name) => at(`operators/${name}.operator.pem`),
    identityFile: String(world.config.verifier?.identity).replace('file:', ''),
  }
}

/** npm keeps its cache at home, and finds Node as whoever runs this does. */
function npmEnv(home: string): Record<string, string> {
  return { HOME: home, PATH: process.env.PATH ?? '' }
}

/** The options every restore by ann needs, `--identity` aside. */
export function byAnn({ keyFile }: Operators): string[] {
  return ['--key', keyFile('ann'), '--why', 'rows are gone', '--yes-i-mean', SOURCE, '--drain', '200ms']
}
