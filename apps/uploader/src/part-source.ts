import type { Readable } from 'node:stream'
import type { TargetId } from '@lifeboat/shared/domain/ids.ts'
import type { Key } from '@lifeboat/shared/domain/keys.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import type { AgentSpools, SpoolFile } from './agent-spools.ts'
import type { Lane } from './deps.ts'
import { fromTarget } from './other-target.ts'

/** A file of one backup or one object of WAL, and where it may be. */
export type Wanted = SpoolFile & {
  /** Where it lies, or will lie, at every target. */
  key: Key
  /** Every target it goes to. */
  targets: readonly TargetId[]
  /** Where it is wanted, so where it need not be looked for. */
  for: TargetId
}

export interface Found {
  /** `agent`, or the id of a target. */
  from: string
  body: Readable
}

/** Where the bytes of a backup come from: the agent that spooled them first, then the targets that have them. */
export interface PartSource {
  /**
   * @param wrong places that handed out wrong bytes before; they are not asked again
   * @throws LifeboatError PART_GONE – not at the agent, and no target gives it (`everywhere`: every target of the backup was asked and none has it); also on the
   * stream · AGENT_UNREACHABLE | AGENT_REFUSED – the agent may have it · ARTIFACT_DIGEST_MISMATCH – only `wrong` places have it
   */
  open(wanted: Wanted, signal: AbortSignal, wrong?: ReadonlySet<string>): Promise<Found>
}

export function partSource(spools: AgentSpools, lanes: readonly Lane[]): PartSource {
  return {
    async open(wanted, signal, wrong = new Set()) {
      const away = new Map<string, unknown>()
      for (const place of placesOf(wanted, spools, lanes)) {
        if (wrong.has(place.name)) continue
        try {
          const body = await place.open(signal)
          if (body !== undefined) return { from: place.name, body }
        } catch (thrown) {
          signal.throwIfAborted()
          away.set(place.name, thrown)
        }
      }
      for (const id of unknownTargets(wanted, lanes)) away.set(id, undefined)
      throw nowhere(wanted, away, wrong)
    },
  }
}

/** Targets of the backup that this uploader is not configured for: they may have it, and cannot be asked from here. */
function unknownTargets(wanted: Wanted, lanes: readonly Lane[]): TargetId[] {
  const known = new Set<TargetId>([wanted.for, ...lanes.map(({ target }) => target.id)])
  return wanted.targets.filter((id) => !known.has(id))
}

/** What a target that was only asked for its copy answered is never passed on: it would be taken for the answer of the one being filled. */
function nowhere(wanted: Wanted, away: ReadonlyMap<string, unknown>, wrong: ReadonlySet<string>): unknown {
  const { agentId, key } = wanted
  const facts = { agentId, key, away: [...away.keys()] }
  if (away.has(AGENT)) return away.get(AGENT)
  if (away.size === 0 && wrong.size > 0)
    return new LifeboatError('ARTIFACT_DIGEST_MISMATCH', { ...facts, wrong: [...wrong] })
  return new LifeboatError(
    'PART_GONE',
    { ...facts, everywhere: away.size === 0 },
    { cause: [...away.values()].find(Boolean) },
  )
}

const AGENT = 'agent'

interface Place {
  name: string
  /** undefined: it is not there. */
  open(signal: AbortSignal): Promise<Readable | undefined>
}

function* placesOf(wanted: Wanted, spools: AgentSpools, lanes: readonly Lane[]): Generator<Place> {
  yield { name: AGENT, open: (signal) => spools.open(wanted, signal) }
  const others = lanes.filter(({ target }) => target.id !== wanted.for && wanted.targets.includes(target.id))
  for (const lane of others) yield { name: lane.target.id, open: (signal) => fromTarget(lane, wanted.key, signal) }
}
