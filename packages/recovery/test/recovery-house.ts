import { execFile } from 'node:child_process'
import { chmod, mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { connectSource } from '@lifeboat/postgres/connection.ts'
import { CARELESS } from '@lifeboat/postgres/scratch/boot.ts'
import { openScratchRoom, type ScratchRoom } from '@lifeboat/postgres/scratch/scratch-room.ts'
import { SCRATCH_PORT } from '@lifeboat/postgres/scratch/scratch-server.ts'
import { stopServer } from '@lifeboat/postgres/scratch/start-server.ts'
import {
  type Extracted,
  forgetOldTablespaces,
  type PhysicalManifest,
} from '@lifeboat/recovery/extract/extract-backup.ts'
import { extractChain } from '@lifeboat/recovery/extract/extract-chain.ts'
import { verifyFiles } from '@lifeboat/recovery/extract/verify-files.ts'
import type { Reader } from '@lifeboat/recovery/fetch/reader.ts'
import type { Wanted } from '@lifeboat/recovery/goal.ts'
import { listArchive } from '@lifeboat/recovery/list-archive.ts'
import { planRecovery, type RecoveryPlan } from '@lifeboat/recovery/plan/plan.ts'
import { type RecoveredServer, startRecovery } from '@lifeboat/recovery/recover/start-recovery.ts'
import { Secret } from '@lifeboat/shared/config/secret.ts'
import type { TargetId } from '@lifeboat/shared/domain/ids.ts'
import { silentLogger } from '@lifeboat/shared/log/logger.ts'
import { newSigningKeyPair, openSigner, type Signer } from '@lifeboat/shared/signing/signing.ts'
import { type MemoryTarget, openMemory } from '@lifeboat/storage/memory.ts'
import { installedMajors } from '@lifeboat/testkit/postgres.ts'
import type { SealedBase } from '@lifeboat/testkit/seal-base.ts'

const run = promisify(execFile)

/** A target in memory, keys, and a place to recover in. */
export interface RecoveryHouse extends AsyncDisposable {
  target: MemoryTarget
  signer: Signer
  recipient: string
  reader: Reader
  /** Brings a chain back, oldest first, without an archive or through the one at the target. */
  bringBack(chain: readonly SealedBase[], wanted: Wanted, more?: { atGoal?: 'pause' | 'promote' }): Promise<BroughtBack>
}

export interface BroughtBack extends AsyncDisposable, Omit<RecoveredServer, 'getter'> {
  plan: RecoveryPlan
  room: ScratchRoom
  ask(database: string, sql: string): Promise<Record<string, unknown>[]>
}

export async function openHouse(): Promise<RecoveryHouse> {
  const folder = await mkdtemp(join(tmpdir(), 'lifeboat-recovery-'))
  await chmod(folder, 0o755)
  const { stdout: identity } = await run('age-keygen', [])
  const target = openMemory('aws' as TargetId)
  const workDir = join(folder, 'work')
  await mkdir(workDir)
  const signal = AbortSignal.timeout(900_000)
  const reader: Reader = {
    ...{ target, workDir, identity: new Secret(identity), toolPaths: [], tools: {}, arrived() {} },
    run: { id: 'test' as never, signal, log: silentLogger, report() {} },
  }
  let rooms = 0
  return {
    ...{ target, reader, recipient: /age1[0-9a-z]+/.exec(identity)?.[0] ?? '' },
    signer: await openSigner('db1', (await newSigningKeyPair()).privateKey),
    async bringBack(sealed, wanted, { atGoal = 'promote' } = {}) {
      await using stack = new AsyncDisposableStack()
      const { manifest } = sealed.at(-1) as SealedBase
      const { physical, server, sourceId } = manifest
      const archive = await listArchive(reader, sourceId, { ...physical, ...server })
      const stock = { ...archive, backups: sealed.map((each) => each.manifest), now: Date.now() }
      const plan = planRecovery(stock, wanted)
      const room = stack.use(await openRoom(`room-${rooms++}`))
      const { dataDir } = await rebuild(plan, room)
      const place = { ...room, dataDir, port: SCRATCH_PORT }
      const { systemIdentifier } = server
      const recovered = await startRecovery({
        ...{
          reader,
          plan,
          archive: archive.wal,
          systemIdentifier,
          place,
          atGoal,
          settings: CARELESS,
          patienceMs: 1000,
        },
      })
      stack.defer(() => stopServer(recovered.server, 'immediate'))
      if (recovered.getter) stack.use(recovered.getter)
      const owned = stack.move()
      return {
        ...{ ...recovered, plan, room },
        async ask(database, sql) {
          const session = { applicationName: 'test', lockTimeoutMs: 1000 }
          await using client = await connectSource(recovered.connection(database), session)
          return (await client.query(sql)).rows
        },
        [Symbol.asyncDispose]: () => owned.disposeAsync(),
      }

      async function rebuild({ chain }: RecoveryPlan, { folder, account, tools }: ScratchRoom): Promise<Extracted> {
        const manifests = chain.map(({ backupId }) => {
          return (sealed.find((each) => each.manifest.backupId === backupId) as SealedBase).manifest
        })
        const extracted = await extractChain(reader, manifests as [PhysicalManifest], { folder, account })
        if (chain.length === 1) await verifyFiles(extracted, tools, reader.run)
        await forgetOldTablespaces(extracted)
        return extracted
      }
    },
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }),
  }

  async function openRoom(name: string): Promise<ScratchRoom> {
    const [major = 15] = installedMajors()
    const tools = ['postgres', 'pg_verifybackup', 'pg_controldata']
    return openScratchRoom({ root: join(folder, 'scratch'), name, major, tools, needBytes: 1, toolPaths: [], signal })
  }
}
