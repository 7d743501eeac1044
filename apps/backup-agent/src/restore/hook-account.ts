import { execFileSync } from 'node:child_process'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import type { Hook, RestoreConfig } from '../config.ts'

/**
 * The account a hook runs as; nothing: that of the agent.
 *
 * @throws LifeboatError RESTORE_HOOK_UNFIT – this host has no such account, or the agent cannot become it, being no root: a hook never runs as somebody else than it says
 */
export function accountOf(name: string, { user }: Pick<Hook, 'user'>): { uid?: number; gid?: number } {
  if (user === undefined) return {}
  const unfit = (problem: string) => new LifeboatError('RESTORE_HOOK_UNFIT', { hook: name, user, problem })
  const uid = idOf('-u', user)
  const gid = idOf('-g', user)
  if (uid === undefined || gid === undefined) throw unfit('this host has no such account')
  const own = process.getuid?.()
  if (own === uid) return {}
  if (own !== 0) throw unfit(`the agent is not root (it runs as ${own}), so it cannot run anything as another account`)
  return { uid, gid }
}

/** Why hooks of this agent cannot be run, by their names: what a command or a plan would find, before anything is stopped. */
export function unfitHooks({ hooks }: Pick<RestoreConfig, 'hooks'>): ReadonlyMap<string, LifeboatError> {
  const found = new Map<string, LifeboatError>()
  for (const [name, hook] of Object.entries(hooks)) {
    try {
      accountOf(name, hook)
    } catch (thrown) {
      found.set(name, LifeboatError.from(thrown))
    }
  }
  return found
}

function idOf(flag: '-u' | '-g', user: string): number | undefined {
  try {
    return Number(execFileSync('id', [flag, '--', user], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }))
  } catch {
    return undefined
  }
}
