import type { Moment } from '@lifeboat/shared/domain/ids.ts'

/** A private key somebody says is there. */
export interface HeldIdentity {
  name: string
  /** Its public half. */
  recipient: string
  /** Kept away from every machine, for the day all others are gone. */
  escrow: boolean
  /** From then on it is not there any more. */
  until?: Moment | undefined
}

/** `ending`: what opens it will soon be gone · `unreadable`: nothing that is declared available opens it · `unknown`: nobody can tell. */
export type KeyVerdict = 'readable' | 'ending' | 'unreadable' | 'unknown'

export interface KeyJudgement {
  verdict: KeyVerdict
  /** Names of the identities that open it now. */
  by: string[]
  /** When the last of them goes, where all of them do. */
  until?: Moment
  reason: string
}

/** A key is not destroyed by surprise: so long before its end it is asked who still needs it. */
export const ENDING_MS = 30 * 86_400_000

/**
 * Whether something encrypted to these public keys can be read with what is declared to be available.
 *
 * @param recipients undefined: nobody wrote them down
 * @param declared all that are, where `identities` are those of them that count
 */
export function judgeKeys(
  recipients: readonly string[] | undefined,
  identities: readonly HeldIdentity[],
  nowMs: number,
  declared = identities,
): KeyJudgement {
  if (declared.length === 0)
    return { verdict: 'unknown', by: [], reason: 'no identity is declared under `encryption.identities`' }
  if (recipients === undefined)
    return { verdict: 'unknown', by: [], reason: 'the catalogue does not know what it is encrypted to' }
  const fitting = identities.filter(({ recipient }) => recipients.includes(recipient))
  const open = fitting.filter(({ until }) => until === undefined || Date.parse(until) > nowMs)
  const by = open.map(({ name }) => name)
  if (open.length === 0) return { verdict: 'unreadable', by, reason: whyUnreadable(recipients, fitting) }
  const until = lastOf(open)
  if (until === undefined) return { verdict: 'readable', by, reason: `${by.join(' and ')} can open it` }
  const verdict = Date.parse(until) - nowMs <= ENDING_MS ? 'ending' : 'readable'
  return { verdict, by, until, reason: `only ${by.join(' and ')} can open it, until ${until}` }
}

function whyUnreadable(recipients: readonly string[], gone: readonly HeldIdentity[]): string {
  const ended = gone.map(({ name, until }) => `${name} was there until ${until}`)
  const keys = `it is encrypted to ${recipients.join(' and ')}`
  return ended.length > 0 ? `${keys}: ${ended.join(', ')}` : `${keys}, of which no identity is declared available`
}

/** undefined when one of them stays. */
function lastOf(open: readonly HeldIdentity[]): Moment | undefined {
  const ends = open.map(({ until }) => until)
  return ends.includes(undefined) ? undefined : (ends as Moment[]).toSorted().at(-1)
}
