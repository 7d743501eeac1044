import type { Reader } from '@lifeboat/recovery/fetch/reader.ts'
import { Secret } from '@lifeboat/shared/config/secret.ts'
import type { Target } from '@lifeboat/storage/target.ts'
import type { AnyCommand } from './command.ts'
import { openIdentity } from './open-identity.ts'

/** Something that brings what opens copies; a plan may do without. */
export type Reading = Pick<AnyCommand, 'deps' | 'restore' | 'run'> & { order: { sealedIdentity?: string | undefined } }

/** Opens what is needed to read copies; the identity lives as long as `work` runs. */
export async function whileReading<T>(
  { deps, order, restore, run }: Reading,
  work: (reader: (target: Target) => Reader) => Promise<T>,
): Promise<T> {
  const { toolPaths } = deps.cfg
  await using room = await deps.restores.makeRoom()
  const { sealedIdentity } = order
  const identity =
    sealedIdentity === undefined
      ? new Secret('')
      : await openIdentity(sealedIdentity, restore.identity, { toolPaths, run })
  return await work((target) => ({ target, run, identity, workDir: room.path, toolPaths, tools: {}, arrived() {} }))
}
