import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { delimiter, join, resolve } from 'node:path'
import type { Elsewhere } from './run-vitest.ts'

/** Debian suite that carries a PostgreSQL major beside the host's. No suite has 16: bookworm came with 15, trixie with 17. */
export const DEBIAN_SUITES: Readonly<Record<string, string>> = { '17': 'trixie', '18': 'forky' }
/** What the integration suites start, beside PostgreSQL. */
const PACKAGES = ['nats-server', 'age', 'zstd', 'attr', 'ca-certificates', 'openssl', 'procps']
const PROJECT = resolve(import.meta.dirname, '../..')
/** A mirror that does not answer must not hold the tests for longer. */
const PATIENCE = '900'

/**
 * Makes a Debian root with PostgreSQL `major` by debootstrap, or takes the one `.cache/` has from before.
 *
 * Returns the command line that runs a command inside, in the project's folder and with Node. Leaves nothing mounted: what is entered is mounted in a namespace of its own and ends with the command. A root under its own
 * name is complete; one that was interrupted keeps the name `….partial` and is made anew.
 *
 * @throws Error with the reason when this machine cannot: no root, no right to mount, no such suite, no mirror
 */
export function debianRoot(major: string): Elsewhere['enter'] {
  const root = findOrMake(major)
  // One that was made before something was added here.
  addPackages(major, PACKAGES)
  return (command) => enter(root, [...environment(), ...command])
}

/**
 * Installs Debian packages in the root beside PostgreSQL; one that is there already costs nothing.
 *
 * @throws Error with the reason when that cannot be: those of making the root, no mirror, no such package
 */
export function addPackages(major: string, packages: readonly string[]): void {
  const root = findOrMake(major)
  const [program, args] = enter(root, ['dpkg', '--status', ...packages])
  if (spawnSync(program, args, { stdio: 'ignore' }).status === 0) return
  console.error(`Installing ${packages.join(', ')} in the Debian root with PostgreSQL ${major}.`)
  install(root, packages)
}

function findOrMake(major: string): string {
  const suite = DEBIAN_SUITES[major]
  if (suite === undefined) throw new Error(`No Debian suite that can be made here carries PostgreSQL ${major}.`)
  if (process.getuid?.() !== 0) throw new Error('Making a Debian root and entering it by chroot needs root.')
  const mayMount = spawnSync('unshare', ['--mount', 'mount', '-t', 'tmpfs', 'tmpfs', '/mnt']).status === 0
  if (!mayMount) throw new Error('Entering a Debian root needs the right to mount in a namespace of its own.')
  const root = join(PROJECT, '.cache', suite)
  if (!existsSync(root)) makeRoot(root, suite, major)
  return root
}

/** The host's variables stay outside: they speak of the host's programs. */
function environment(): string[] {
  const path = ['/lifeboat/node_modules/.bin', process.env.PATH].join(delimiter)
  return ['env', '-i', 'HOME=/root', `PATH=${path}`, 'LANG=C.UTF-8']
}

function makeRoot(root: string, suite: string, major: string): void {
  const partial = `${root}.partial`
  console.log(`Making a Debian root (${suite}) with PostgreSQL ${major}; it stays in .cache/ for the next time.`)
  rmSync(partial, { recursive: true, force: true })
  mkdirSync(partial, { recursive: true })
  bringDebootstrap(suite)
  must('timeout', [PATIENCE, 'debootstrap', '--variant=minbase', suite, partial])
  // Packages must not start servers inside the root: tests start their own.
  writeFileSync(join(partial, 'usr/sbin/policy-rc.d'), '#!/bin/sh\nexit 101\n', { mode: 0o755 })
  // The root can be made anew at any time, so nothing in it is worth waiting for the disk.
  writeFileSync(join(partial, 'etc/dpkg/dpkg.cfg.d/lifeboat'), 'force-unsafe-io\n')
  must('cp', ['/etc/resolv.conf', join(partial, 'etc/resolv.conf')])
  install(partial, [`postgresql-${major}`, ...PACKAGES])
  renameSync(partial, root)
}

function install(root: string, packages: readonly string[]): void {
  // Many a mirror is a frozen copy, older than its suite says it may be. It is signed all the same.
  const update = 'apt-get -q -o Acquire::Retries=3 -o Acquire::Check-Valid-Until=false update'
  const apt = `DEBIAN_FRONTEND=noninteractive apt-get -q -o Acquire::Retries=3 install -y --no-install-recommends ${packages.join(' ')}`
  must('timeout', [PATIENCE, ...enter(root, ['sh', '-euc', `${update} && ${apt}`]).flat()])
}

function bringDebootstrap(suite: string): void {
  const script = join(PROJECT, 'scripts/setup/apt-install.sh')
  if (!existsSync('/usr/sbin/debootstrap')) must('sh', [script, 'debootstrap'])
  // An older debootstrap does not know a newer suite by name; every suite since is made the way sid is.
  const recipe = join('/usr/share/debootstrap/scripts', suite)
  if (!existsSync(recipe)) symlinkSync('sid', recipe)
}

function enter(root: string, command: readonly string[]): [string, string[]] {
  mkdirSync(join(root, 'lifeboat'), { recursive: true })
  // A root that is a mount of its own lets tests make namespaces inside.
  const mounts =
    'mount --bind "$2" "$2"; mount --bind "$1" "$2/lifeboat"; mount -t proc proc "$2/proc"; mount --rbind /dev "$2/dev"'
  const change = 'root=$2; shift 2; exec chroot "$root" sh -c \'cd /lifeboat && exec "$@"\' sh "$@"'
  return ['unshare', ['--mount', 'sh', '-euc', `${mounts}; ${change}`, 'sh', PROJECT, root, ...command]]
}

/** Hundreds of lines about unpacking say nothing, unless it fails. */
function must(program: string, args: readonly string[]): void {
  const { status, error, stdout, stderr } = spawnSync(program, args, {
    stdio: ['ignore', 'pipe', 'pipe'],
    encoding: 'utf8',
    maxBuffer: 2 ** 26,
  })
  if (status === 0) return
  console.error(`${stdout ?? ''}${stderr ?? ''}`.slice(-3000))
  throw new Error(`${program} ${args.join(' ').slice(0, 200)} ended with ${status ?? error?.message}.`)
}
