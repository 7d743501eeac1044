import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'

/** Debian suite that carries a PostgreSQL major; the host's own suite is never mixed with another. */
const SUITES: Record<string, string> = { '17': 'trixie', '18': 'forky' }
/** What the integration suites start, beside PostgreSQL. */
const PACKAGES = ['nats-server', 'age', 'zstd', 'ca-certificates', 'openssl', 'procps']
/** The suites whose answer depends on the PostgreSQL major. */
const TESTS = ['packages/postgres', 'apps/backup-agent', 'apps/verifier']

/**
 * `pnpm test:postgres 17`: runs the PostgreSQL suites inside a Debian root that has that major, made on first use by debootstrap.
 *
 * Needs root (chroot, mount namespace) and the Debian mirror the host uses. The root stays in `.cache/` and is used again.
 */
function main([major = '', ...filters]: string[]): number {
  const suite = SUITES[major]
  if (suite === undefined) return refuse(`usage: pnpm test:postgres ${Object.keys(SUITES).join('|')} [filter …]`)
  if (process.getuid?.() !== 0) return refuse('This needs root: it makes a Debian root and enters it by chroot.')
  const project = resolve(import.meta.dirname, '..')
  const root = join(project, '.cache', suite)
  prepareRoot(root, project, suite, major)
  return runTests(root, project, major, filters.length > 0 ? filters : TESTS)
}

function prepareRoot(root: string, project: string, suite: string, major: string): void {
  const ready = join(root, 'lifeboat-ready')
  if (existsSync(ready)) return
  mkdirSync(root, { recursive: true })
  if (!existsSync('/usr/sbin/debootstrap')) must('apt-get', ['install', '-y', 'debootstrap'])
  // An older debootstrap does not know a newer suite by name; every suite since is made the way sid is.
  const recipe = join('/usr/share/debootstrap/scripts', suite)
  if (!existsSync(recipe)) symlinkSync('sid', recipe)
  must('debootstrap', ['--variant=minbase', suite, root])
  // Packages must not start servers inside the root: tests start their own.
  writeFileSync(join(root, 'usr/sbin/policy-rc.d'), '#!/bin/sh\nexit 101\n', { mode: 0o755 })
  must('cp', ['/etc/resolv.conf', join(root, 'etc/resolv.conf')])
  const apt = `apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends postgresql-${major} ${PACKAGES.join(' ')}`
  if (inside(root, project, ['sh', '-euc', apt]) !== 0)
    throw new Error(`PostgreSQL ${major} could not be installed into ${root}`)
  writeFileSync(ready, '')
}

function runTests(root: string, project: string, major: string, filters: string[]): number {
  const env = [
    'env',
    '-i',
    'HOME=/root',
    `PATH=/lifeboat/node_modules/.bin:${process.env.PATH ?? ''}`,
    `EXPECT_SUITES=pg${major}`,
    'LANG=C.UTF-8',
  ]
  const vitest = ['sh', '-c', 'cd /lifeboat && exec vitest run --project int "$@"', 'sh', ...filters]
  return inside(root, project, [...env, ...vitest])
}

/** Runs a command in the root with the project under /lifeboat. The mounts live in a namespace of their own and end with it. */
function inside(root: string, project: string, command: string[]): number {
  mkdirSync(join(root, 'lifeboat'), { recursive: true })
  // A root that is a mount of its own lets tests make namespaces inside.
  const enter =
    'mount --bind "$2" "$2"; mount --bind "$1" "$2/lifeboat"; mount -t proc proc "$2/proc"; mount --rbind /dev "$2/dev"; root=$2; shift 2; exec chroot "$root" "$@"'
  const { status } = spawnSync('unshare', ['--mount', 'sh', '-euc', enter, 'sh', project, root, ...command], {
    stdio: 'inherit',
  })
  return status ?? 1
}

function must(program: string, args: string[]): void {
  const { status } = spawnSync(program, args, { stdio: 'inherit' })
  if (status !== 0) throw new Error(`${program} ${args.join(' ')} ended with ${status}`)
}

function refuse(message: string): number {
  console.error(message)
  return 2
}

process.exitCode = main(process.argv.slice(2))
