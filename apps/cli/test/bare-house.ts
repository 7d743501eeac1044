import { execFile } from 'node:child_process'
import { chmod, mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { Evidence } from '@lifeboat/shared/domain/drill.ts'
import type { TargetId } from '@lifeboat/shared/domain/ids.ts'
import type { Manifest } from '@lifeboat/shared/domain/manifest.ts'
import { newSigningKeyPair, openSigner, type Signer } from '@lifeboat/shared/signing/signing.ts'
import { openFilesystem } from '@lifeboat/storage/filesystem.ts'
import type { Target } from '@lifeboat/storage/target.ts'
import { FilesystemConfig } from '@lifeboat/storage/target-config.ts'
import { sealEvidence } from '@lifeboat/testkit/seal-evidence.ts'
import { type CliEnd, startCli } from './run-cli.ts'

const run = promisify(execFile)

/** A bucket, the keys to it, and an empty host. */
export interface BareHouse extends AsyncDisposable {
  folder: string
  target: Target
  /** Of the target, for --from. */
  address: string
  agent: Signer
  recipient: string
  identityFile: string
  /** The options --signer of agent and verifier. */
  signers: string[]
  /** Puts signed evidence beside a backup. */
  drilled(manifest: Manifest, verdict?: Evidence['verdict']): Promise<void>
  /** `lifeboat recover --from … --identity … --signer …` and more. */
  recover(
    args: readonly string[],
    opts?: { answer?: string; identity?: string; env?: Record<string, string> },
  ): Promise<CliEnd>
  /** Asks a database of a server that was started out of a recovered folder. */
  ask(port: number, database: string, sql: string): Promise<string>
  /** Stops it. */
  stop(dataDir: string, binDir: string): Promise<void>
  /** Names in a folder; [] when it is not there. */
  names(folder: string): Promise<string[]>
}

export async function openBareHouse(): Promise<BareHouse> {
  const folder = await mkdtemp(join(tmpdir(), 'lifeboat-bare-'))
  await chmod(folder, 0o755)
  const place = join(folder, 'bucket')
  await mkdir(place)
  const identityFile = join(folder, 'identity')
  await run('age-keygen', ['-o', identityFile])
  const { stdout: recipient } = await run('age-keygen', ['-y', identityFile])
  const [agentKey, verifierKey] = [await newSigningKeyPair(), await newSigningKeyPair()]
  const verifier = await openSigner('verifier', verifierKey.privateKey)
  const target = await openFilesystem('bucket' as TargetId, FilesystemConfig.parse({ kind: 'filesystem', path: place }))
  const signers = ['--signer', `db1=${agentKey.publicKey}`, `verifier=${verifierKey.publicKey}`]
  const address = `file://${place}`
  return {
    ...{ folder, target, address, recipient: recipient.trim(), identityFile, signers },
    agent: await openSigner('db1', agentKey.privateKey),
    drilled: (manifest, verdict = 'proven') => sealEvidence(target, verifier, manifest, verdict),
    recover(args, { answer, identity = identityFile, env = {} } = {}) {
      const all = ['recover', '--from', address, '--identity', identity, ...signers, ...args]
      const child = startCli(folder, all, env, answer === undefined ? 'ignore' : 'pipe')
      child.child.stdin?.end(`${answer}\n`)
      return child.end
    },
    async ask(port, database, sql) {
      const env = { ...process.env, PGCONNECT_TIMEOUT: '30' }
      const args = [
        '-XAtq',
        '-h',
        '/var/run/postgresql',
        '-p',
        String(port),
        '-U',
        'postgres',
        '-d',
        database,
        '-c',
        sql,
      ]
      const who = process.getuid?.() === 0 ? await postgresAccount() : {}
      return (await run('psql', args, { env, ...who })).stdout.trim()
    },
    async stop(dataDir, binDir) {
      const who = process.getuid?.() === 0 ? await postgresAccount() : {}
      await run(join(binDir, 'pg_ctl'), ['-D', dataDir, '-m', 'immediate', 'stop'], { ...who, cwd: '/' })
    },
    names: (path) => readdir(path).catch(() => []),
    async [Symbol.asyncDispose]() {
      await rm(folder, { recursive: true, force: true })
    },
  }
}

async function postgresAccount(): Promise<{ uid: number; gid: number }> {
  const [uid, gid] = await Promise.all(
    ['-u', '-g'].map(async (flag) => Number((await run('id', [flag, 'postgres'])).stdout)),
  )
  return { uid: uid ?? 0, gid: gid ?? 0 }
}

export async function writeStrangersIdentity(folder: string): Promise<string> {
  const { stdout } = await run('age-keygen', [])
  const path = join(folder, 'strangers-identity')
  await writeFile(path, stdout, { mode: 0o600 })
  return path
}
