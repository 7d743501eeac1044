import { randomBytes } from 'node:crypto'
import { type FleetId, moment, newRestoreId } from '@lifeboat/shared/domain/ids.ts'
import type { RestoreHooks } from '@lifeboat/shared/domain/restore.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import { parseDuration } from '../parse-moment.ts'
import type { Addressed } from './address.ts'

/** What the options of every command that signs say alike. */
export interface SigningArgs {
  key?: string
  why?: string
  yesIMean?: string
  drain?: string
  validFor?: string
  out?: string
  timeout?: string
}

const VALID_MS = 15 * 60_000
const DRAIN_MS = 10_000

/** What every order says, whatever it orders. @throws LifeboatError CLI_USAGE */
export function orderHead(fleetId: FleetId, to: Addressed, hooks: RestoreHooks, args: SigningArgs, nowMs: number) {
  if (!args.why) throw new LifeboatError('CLI_USAGE', { problem: 'say why, for the audit: --why "…"' })
  const validMs = args.validFor === undefined ? VALID_MS : parseDuration(args.validFor)
  return {
    ...{ restoreId: newRestoreId(nowMs), fleetId, agentId: to.agentId, sourceId: to.sourceId, hooks, why: args.why },
    drainMs: args.drain === undefined ? DRAIN_MS : parseDuration(args.drain),
    ...{ issuedAt: moment(nowMs), expiresAt: moment(nowMs + validMs), nonce: randomBytes(18).toString('base64url') },
  }
}
