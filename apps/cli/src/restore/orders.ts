import { randomBytes } from 'node:crypto'
import { type FleetId, moment, newRestoreId } from '@lifeboat/shared/domain/ids.ts'
import type { RestoreHooks } from '@lifeboat/shared/domain/restore.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import { parseDuration, timeoutMsOf } from '../parse-moment.ts'
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
/** Agents take nothing that is valid for longer. */
const LONGEST_VALID_MS = 24 * 3_600_000
const DRAIN_MS = 10_000

/** What every order says, whatever it orders. @throws LifeboatError CLI_USAGE */
export function orderHead(fleetId: FleetId, to: Addressed, hooks: RestoreHooks, args: SigningArgs, nowMs: number) {
  if (!args.why) throw new LifeboatError('CLI_USAGE', { problem: 'say why, for the audit: --why "…"' })
  timeoutMsOf(args)
  const validMs = args.validFor === undefined ? VALID_MS : parseDuration(args.validFor, '--valid-for')
  if (validMs < 1 || validMs > LONGEST_VALID_MS)
    throw new LifeboatError('CLI_USAGE', { option: '--valid-for', given: args.validFor, problem: 'at most 24h' })
  return {
    ...{ restoreId: newRestoreId(nowMs), fleetId, agentId: to.agentId, sourceId: to.sourceId, hooks, why: args.why },
    drainMs: args.drain === undefined ? DRAIN_MS : parseDuration(args.drain, '--drain'),
    ...{ issuedAt: moment(nowMs), expiresAt: moment(nowMs + validMs), nonce: randomBytes(18).toString('base64url') },
  }
}
