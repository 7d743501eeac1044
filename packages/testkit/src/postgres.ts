import { type ChildProcess, execFile, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, chownSync, existsSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs'
import { rename, writeFile } from 'node:fs/promises'
import { tmpdir, userInfo } from 'node:os'
import { basename, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { Client } from 'pg'
import { freePort } from './free-port.ts'
import { demandTls, makeServerTls, type ServerTls } from './postgres-tls.ts'

const run = promisify(execFile)
const PASSWORD = 'the-test-superuser-password'

export interface PostgresOptions {
  /** Default: the newest installed. */
  major?: number
  /** Server settings, e.g. { max_connections: '20' }. */
  settings?: Readonly<Record<string, string>>
  /** Role name → options of CREATE ROLE, e.g. { backup: "LOGIN PASSWORD 'x'" }. */
  roles?: Readonly<Record<string, string>>
  /** Pages carry checksums; default without, on every major. */
  dataChecksums?: boolean
  /** A streaming standby of that server, which stays on the same major; copied by pg_basebackup. */
  standbyOf?: TestPostgres
  /** From the network only over TLS, with a certificate for this name, e.g. `IP:127.0.0.1` or `DNS:localhost`. */
  tls?: string
}

/** A throwaway PostgreSQL of its own: trust on the Unix socket, SCRAM on 127.0.0.1. Dies with the process that started it. */
export interface TestPostgres extends AsyncDisposable {
  readonly major: number
  readonly host: string
  readonly port: number
  readonly socketDir: string
  readonly dataDir: string
  readonly binDir: string
  readonly user: string
  readonly password: string
  /** Where it was asked for: the file for `sslrootcert`. */
  readonly caFile: string | undefined
  /** Server log so far. */
  log(): string
  url(database: string): string
  /** Runs SQL as superuser; rows of the last statement. */
  // biome-ignore lint/suspicious/noExplicitAny: rows of a test's own SQL
  query(database: string, sql: string): Promise<any[]>
  stop(mode?: 'smart' | 'fast' | 'immediate'): Promise<void>
  /** Starts a stopped server again on the same port, or stops and starts a running one. */
  restart(mode?: 'fast' | 'immediate'): Promise<void>
}

const STOP_SIGNALS = { smart: 'SIGTERM', fast: 'SIGINT', immediate: 'SIGQUIT' } as const

/**
 * Boots a PostgreSQL server in a temporary folder, without fsync.
 *
 * The first call on a machine runs initdb and keeps the result as a template below the temporary folder; later calls copy it.
 */
export async function startPostgres(opts: PostgresOptions = {}): Promise<TestPostgres> {
  const major = opts.standbyOf?.major ?? opts.major ?? newestMajor()
  const binDir = serverBin(major)
  const owner = serverOwner()
  const folder = ownedFolder(mkdtempSync(join(tmpdir(), 'lifeboat-pg-')), owner)
  const watchdog = cleanUpAfterUs(folder)
  const dataDir = join(folder, 'data')
  if (opts.standbyOf) await copyPrimary(opts.standbyOf, dataDir, owner)
  else await run('cp', ['-a', await template(major, binDir, owner, opts.dataChecksums ?? false), dataDir])
  const tls = opts.tls === undefined ? undefined : await encrypt(dataDir, folder, opts.tls, owner)
  let server: ChildProcess | undefined
  let port = 0

  async function boot(settings: readonly string[]): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      port = port === 0 || attempt > 1 ? await freePort() : port
      server = spawnServer({ binDir, dataDir, folder, port, settings, owner })
      if (await becameReady(server, dataDir)) return
      if (attempt === 5) throw new Error(`PostgreSQL did not start:\n${readLog(folder)}`)
    }
  }
  async function stop(mode: keyof typeof STOP_SIGNALS = 'fast'): Promise<void> {
    if (server === undefined || server.exitCode !== null || server.signalCode !== null) return
    const ended = once(server, 'exit')
    server.kill(STOP_SIGNALS[mode])
    await ended
  }
  const own = Object.entries(opts.settings ?? {}).map(([name, value]) => `${name}=${value}`)
  const settings = [...(tls?.settings ?? []), ...own]
  await boot(settings)

  const pg: TestPostgres = {
    major,
    host: '127.0.0.1',
    get port() {
      return port
    },
    socketDir: folder,
    dataDir,
    binDir,
    user: 'postgres',
    password: PASSWORD,
    caFile: tls?.caFile,
    log: () => readLog(folder),
    url: (database) => `postgres://postgres:${PASSWORD}@127.0.0.1:${port}/${encodeURIComponent(database)}`,
    async query(database, sql) {
      const client = new Client({ host: folder, port, user: 'postgres', database })
      // A session that is ended between two statements says so in the next one; unheard it would end the whole run.
      client.on('error', () => {})
      await client.connect()
      try {
        const result: unknown = await client.query(sql)
        const last = (Array.isArray(result) ? result.at(-1) : result) as { rows: unknown[] }
        return last.rows
      } finally {
        await client.end()
      }
    },
    stop,
    async restart(mode = 'fast') {
      await stop(mode)
      await boot(settings)
    },
    async [Symbol.asyncDispose]() {
      await stop('immediate')
      await watchdog.release()
    },
  }
  for (const [role, options] of Object.entries(opts.roles ?? {})) {
    await pg.query('postgres', `CREATE ROLE "${role.replaceAll('"', '""')}" ${options}`)
  }
  return pg
}

/** Major versions with a server on this machine, newest first. */
export function installedMajors(): number[] {
  return [18, 17, 16, 15].filter((major) => existsSync(`/usr/lib/postgresql/${major}/bin/initdb`))
}

export interface Owner {
  uid: number
  gid: number
}

/** PostgreSQL refuses to run as root; `postgres` stands in for us then. */
export function serverOwner(): Owner {
  const { uid, gid } = userInfo()
  if (uid !== 0) return { uid, gid }
  const idOf = (flag: string) => Number(execFileSync('id', [flag, 'postgres'], { encoding: 'utf8' }))
  return { uid: idOf('-u'), gid: idOf('-g') }
}

function newestMajor(): number {
  const newest = installedMajors()[0]
  if (newest === undefined) throw new Error('no PostgreSQL server is installed: apt-get install postgresql')
  return newest
}

function serverBin(major: number): string {
  const dir = `/usr/lib/postgresql/${major}/bin`
  if (!existsSync(join(dir, 'initdb'))) throw new Error(`PostgreSQL ${major} is not installed`)
  return dir
}

function ownedFolder(folder: string, { uid, gid }: Owner): string {
  if (process.getuid?.() === 0) chownSync(folder, uid, gid)
  chmodSync(folder, 0o755)
  return folder
}

/** A freshly initialised cluster to copy from; made under another name and renamed, so that racing processes both win. */
async function template(major: number, binDir: string, owner: Owner, checksums: boolean): Promise<string> {
  const shelf = join(tmpdir(), `lifeboat-pg-templates-${owner.uid}`)
  const ready = join(shelf, `v2-${major}${checksums ? '-checksums' : ''}`)
  if (existsSync(ready)) return ready
  mkdirSync(shelf, { recursive: true })
  ownedFolder(shelf, owner)
  const making = ownedFolder(mkdtempSync(join(shelf, '.making-')), owner)
  const passwordFile = join(making, 'password')
  await writeFile(passwordFile, PASSWORD)
  const made = join(making, 'data')
  const args = ['-D', made, '-U', 'postgres', '-E', 'UTF8', '--locale=C.UTF-8', '--no-sync', '--pwfile', passwordFile]
  if (checksums) args.push('--data-checksums')
  // From 18 on they are there unless refused; tests mean the same cluster on every major.
  else if (major >= 18) args.push('--no-data-checksums')
  await run(join(binDir, 'initdb'), [...args, '--auth-local=trust', '--auth-host=scram-sha-256'], {
    ...owner,
    cwd: making,
  })
  await rename(made, ready).catch((err: unknown) => {
    if (!existsSync(ready)) throw err
  })
  rmSync(making, { recursive: true, force: true })
  return ready
}

async function encrypt(dataDir: string, folder: string, altName: string, owner: Owner): Promise<ServerTls> {
  await demandTls(dataDir)
  return makeServerTls(folder, { name: basename(folder), altName, owner })
}

async function copyPrimary(primary: TestPostgres, dataDir: string, owner: Owner): Promise<void> {
  const from = ['-h', primary.socketDir, '-p', String(primary.port), '-U', primary.user]
  const args = ['-D', dataDir, '--write-recovery-conf', '--checkpoint=fast', '--no-sync', '--wal-method=stream']
  await run(join(primary.binDir, 'pg_basebackup'), [...from, ...args], { ...owner, cwd: '/' })
}

function spawnServer(at: {
  binDir: string
  dataDir: string
  folder: string
  port: number
  settings: readonly string[]
  owner: Owner
}): ChildProcess {
  const defaults = ['fsync=off', 'full_page_writes=off', 'shared_buffers=64MB', `unix_socket_directories=${at.folder}`]
  const settings = [...defaults, 'listen_addresses=127.0.0.1', ...at.settings].flatMap((setting) => ['-c', setting])
  const log = openSync(join(at.folder, 'log'), 'a')
  return spawn(join(at.binDir, 'postgres'), ['-D', at.dataDir, '-p', String(at.port), ...settings], {
    ...at.owner,
    cwd: at.folder,
    env: { PATH: process.env.PATH ?? '', LC_ALL: 'C.UTF-8', TZ: 'UTC' },
    stdio: ['ignore', log, log],
  })
}

/** The server writes `ready` into the eighth line of postmaster.pid when it accepts connections. */
async function becameReady(server: ChildProcess, dataDir: string): Promise<boolean> {
  const pidFile = join(dataDir, 'postmaster.pid')
  for (const until = Date.now() + 120_000; Date.now() < until; await sleep(15)) {
    if (server.exitCode !== null || server.signalCode !== null) return false
    const lines = existsSync(pidFile) ? readFileSync(pidFile, 'utf8').split('\n') : []
    if (lines[0] === String(server.pid) && lines[7]?.trim() === 'ready') return true
  }
  server.kill('SIGQUIT')
  return false
}

function readLog(folder: string): string {
  const file = join(folder, 'log')
  return existsSync(file) ? readFileSync(file, 'utf8') : ''
}

/** Stops the server of `data` and removes the folder around it once our end of the pipe closes, be it by `release` or by our death. */
export function cleanUpAfterUs(folder: string): { release(): Promise<void> } {
  const script = `cat >/dev/null
    pid=$(head -n 1 "$1/data/postmaster.pid" 2>/dev/null) && kill -QUIT "$pid" 2>/dev/null
    while [ -n "$pid" ] && kill -0 "$pid" 2>/dev/null; do sleep 0.05; done
    rm -rf "$1"`
  const dog = spawn('sh', ['-c', script, 'sh', folder], { detached: true, stdio: ['pipe', 'ignore', 'ignore'] })
  dog.unref()
  return {
    async release() {
      const ended = once(dog, 'exit')
      dog.ref() // or a process with nothing else to do would end before its server does
      dog.stdin.end()
      await ended
    },
  }
}
