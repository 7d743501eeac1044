import { spawn, spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { installAdvice } from './setup/advice.ts'
import { type Found, takeInventory } from './setup/programs.ts'

/**
 * Brings this machine to where Lifeboat's demo and tests can run: PostgreSQL's programs, nats-server, age and zstd.
 *
 * Installs what is missing with apt when it may (root, or sudo without a password); elsewhere prints the commands to type and exits 1.
 * When nothing is missing it only looks, in a fraction of a second.
 */
async function setup(): Promise<number> {
  const path = process.env.PATH ?? ''
  const before = await takeInventory(path)
  if (before.missing.length === 0) return ready(before.found)

  const obstacle = whyNotApt()
  if (obstacle !== undefined) return explain(installAdvice(before.missing, obstacle))

  console.error(`setup: installing ${before.missing.join(', ')} with apt (its services will not be started)`)
  const status = await aptInstall(before.missing)
  const after = await takeInventory(path)
  if (after.missing.length === 0) return ready(after.found)
  return explain(installAdvice(after.missing, `apt-get ended with status ${status} and did not bring them.`))
}

function ready(found: readonly Found[]): number {
  console.error(`setup: ${found.map(({ name, version }) => `${name} ${version}`).join(', ')}`)
  return 0
}

function explain(text: string): number {
  console.error(text)
  return 1
}

function whyNotApt(): string | undefined {
  if (!existsSync('/usr/bin/apt-get')) return 'Setup installs by itself only where apt-get is.'
  if (process.getuid?.() === 0) return undefined
  const sudo = spawnSync('sudo', ['-n', 'true'], { stdio: 'ignore' })
  return sudo.status === 0
    ? undefined
    : 'Setup may not install by itself: you are not root, and sudo asks for a password.'
}

/** What apt prints goes to standard error: standard output belongs to the command that runs after setup. */
function aptInstall(packages: readonly string[]): Promise<number> {
  const script = fileURLToPath(new URL('setup/apt-install.sh', import.meta.url))
  const asRoot = process.getuid?.() === 0 ? [] : ['sudo', '-n']
  const [program = 'sh', ...args] = [...asRoot, 'sh', script, ...packages]
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { stdio: ['ignore', 2, 2] })
    child.once('error', reject)
    child.once('exit', (code) => resolve(code ?? 1))
  })
}

process.exitCode = await setup()
