import { resolve } from 'node:path'
import { suggestName } from '@lifeboat/config/did-you-mean.ts'
import { resolveSecret } from '@lifeboat/config/resolve-secret.ts'
import type { SecretRef } from '@lifeboat/shared/config/secret-ref.ts'
import type { TargetId } from '@lifeboat/shared/domain/ids.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import type { PublicKeys } from '@lifeboat/shared/signing/signing.ts'
import { openTarget } from '@lifeboat/storage/open-target.ts'
import type { Target } from '@lifeboat/storage/target.ts'
import { isTargetAddress, parseTargetAddress } from '@lifeboat/storage/target-address.ts'
import type { Context } from '../context.ts'
import { readSettings } from '../open-fleet.ts'
import { terminalLog } from '../terminal-log.ts'
import type { RecoverArgs } from './read-wish.ts'

export interface FromWhere {
  target: Target
  /** undefined: nobody gave a public key. */
  signers: PublicKeys | undefined
}

/**
 * Opens the target by its address, or by its name in a lifeboat.yaml; of that only `targets` and `signers` are read.
 *
 * @throws LifeboatError CLI_USAGE | TARGET_ADDRESS_UNREADABLE | TARGET_UNKNOWN | CONFIG_…
 */
export async function openFrom({ from, signer }: RecoverArgs, context: Context): Promise<FromWhere> {
  if (from === undefined) throw new LifeboatError('CLI_USAGE', { problem: 'say where the backups are: --from' })
  // On a bare host there is no lifeboat.yaml that could have such a name.
  if (/^[./]/.test(from))
    throw new LifeboatError('TARGET_ADDRESS_UNREADABLE', {
      given: from,
      suggestion: `Did you mean file://${resolve(context.terminal.cwd, from)}?`,
    })
  const given = signer && parseSigners(signer)
  if (!isTargetAddress(from)) return fromConfig(from, given, context)
  const { env, cwd } = context.terminal
  const log = terminalLog(context.terminal, context.options.verbose ?? false)
  const secret = async (ref: SecretRef) => resolveSecret(ref, { env, baseDir: cwd })
  const target = await openTarget('from' as TargetId, parseTargetAddress(from, env), { resolveSecret: secret, log })
  return { target, signers: given }
}

async function fromConfig(name: string, given: PublicKeys | undefined, context: Context): Promise<FromWhere> {
  const { config, secret, log } = await readSettings(context, ['targets', 'signers'])
  const found = config.targets[name as TargetId]
  if (!found) {
    const suggestion = suggestName(name, Object.keys(config.targets))
    throw new LifeboatError('TARGET_UNKNOWN', { name, suggestion })
  }
  const target = await openTarget(name as TargetId, found, { resolveSecret: async (ref) => secret(ref), log })
  return { target, signers: given ?? config.signers }
}

/** `db1=<43 letters>`, as `lifeboat key new` printed them. */
function parseSigners(given: readonly string[]): PublicKeys {
  return Object.fromEntries(
    given.map((text) => {
      const [, name, key] = /^([^=]+)=([A-Za-z0-9_-]{43})$/.exec(text) ?? []
      if (name === undefined || key === undefined)
        throw new LifeboatError('CLI_USAGE', {
          option: '--signer',
          given: text,
          problem: 'write name=public key, e.g. db1=Rk3…',
        })
      return [name, key]
    }),
  )
}
