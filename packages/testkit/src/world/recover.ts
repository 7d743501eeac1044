import { mkdtemp, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { resolveSecret } from '@lifeboat/config/resolve-secret.ts'
import type { Wanted } from '@lifeboat/recovery/goal.ts'
import { type RecoveredSource, recoverSource } from '@lifeboat/recovery/recover-source.ts'
import type { SecretRef } from '@lifeboat/shared/config/secret-ref.ts'
import { FleetId, RunId, type SourceId } from '@lifeboat/shared/domain/ids.ts'
import { silentLogger } from '@lifeboat/shared/log/logger.ts'
import type { Progress } from '@lifeboat/shared/run/run.ts'
import { freePort } from '../free-port.ts'
import type { World } from '../world.ts'
import { SOURCE } from './config.ts'
import { openTargetOf } from './tamper.ts'

export interface WorldRecovery {
  /** Name of the target everything is fetched from. */
  from: string
  wanted: Wanted
  /** Folder the recovered cluster lives below; default one of the world's. */
  root?: string
  settings?: Readonly<Record<string, string>>
  onPhase?: (phase: string) => void
  onProgress?: (progress: Progress) => void
}

/** Recovers the world's cluster beside the original, out of one target and with the verifier's key, as somebody would who has nothing else. */
export async function recoverWorld(
  world: Pick<World, 'config' | 'configPath' | 'folder' | 'targets'>,
  { from, wanted, root, settings, onPhase, onProgress }: WorldRecovery,
): Promise<RecoveredSource> {
  const { config, folder } = world
  if (config.verifier === undefined) throw new Error('this world has no verifier, and so no key')
  const places = { env: process.env, baseDir: dirname(world.configPath) }
  await using stack = new AsyncDisposableStack()
  const target = stack.use(await openTargetOf(world, from))
  const workDir = stack.adopt(await mkdtemp(join(folder, 'recovery-')), (path) =>
    rm(path, { recursive: true, force: true }),
  )
  const signal = AbortSignal.timeout(30 * 60_000)
  const run = { id: RunId.parse('recovery'), signal, log: silentLogger, report: onProgress ?? (() => {}) }
  const identity = resolveSecret(config.verifier.identity as SecretRef, places)
  const recovered = stack.use(
    await recoverSource({
      reader: { target, run, identity, workDir, toolPaths: [], tools: {}, arrived() {} },
      sourceId: SOURCE as SourceId,
      trust: { fleetId: FleetId.parse(config.fleet), signers: config.signers },
      wanted,
      ...{ root: root ?? join(folder, 'scratch'), name: `recovery-${Date.now()}`, port: await freePort() },
      ...(settings && { settings }),
      ...(onPhase && { onPhase }),
    }),
  )
  const owned = stack.move()
  return { ...recovered, [Symbol.asyncDispose]: () => owned.disposeAsync() }
}
