import { walDamageKey } from '@lifeboat/catalog/audit/buckets.ts'
import { readWal } from '@lifeboat/catalog/audit/read-wal.ts'
import { noteWalDamage, settleWalDamage } from '@lifeboat/catalog/audit/tell-looks.ts'
import { type Obstacle, stuckBy } from '@lifeboat/catalog/audit/wal-stuck.ts'
import type { Handler } from '@lifeboat/shared/bus/bus.ts'
import type { WalRemakeRequested } from '@lifeboat/shared/bus/messages/audit.ts'
import { type Moment, moment } from '@lifeboat/shared/domain/ids.ts'
import type { Key } from '@lifeboat/shared/domain/keys.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import type { Lane, UploaderDeps } from '../deps.ts'
import { demandFleet } from '../fleet-marker.ts'
import { heldText } from '../remake/ensure-whole.ts'
import { fillFromOthers, type Unfilled } from '../remake/from-other-targets.ts'
import { wasLetGo } from '../wal-let-go.ts'

type Needs = Pick<
  UploaderDeps,
  'bus' | 'fleet' | 'markedTargets' | 'lanes' | 'walDamage' | 'walStates' | 'walLetGo' | 'events' | 'clock'
>

/**
 * Replaces an object of WAL that is damaged by what another target holds under the same key, after every byte of that was compared with the digest it was put with. The
 * key names the plain bytes, so it may be encrypted another time.
 *
 * What lies there and is wrong cannot be written over: it is removed where that is allowed, else it stays damaged and that is told, before anything is read elsewhere. So
 * it is where no other target gives it. The wish is done then, and whoever looks next asks again: seldom, where nothing but a person can help.
 */
export function remakeWal(deps: Needs, lane: Lane): Handler<WalRemakeRequested> {
  return ({ sourceId, targetId, key }, { signal, log }) =>
    lane.gate.through(signal, async () => {
      const { bus, walDamage, clock, events, lanes } = deps
      const about = () => ({ sourceId, targetId, key, at: moment(clock.now()) })
      await demandFleet(deps, lane.target, signal)
      const here = await readWal(lane.target, key, { signal })
      if (here.found === 'whole') return settleWalDamage(bus, walDamage, about())
      if (here.found === 'missing' && (await wasLetGo(deps, lane.target, { sourceId, key }, signal)))
        return settleWalDamage(bus, walDamage, about(), { letGo: true })
      const tell = async ({ found, problem }: Pick<typeof here, 'found' | 'problem'>, { why, obstacle }: Unfilled) => {
        const before = (await walDamage.get(walDamageKey(about())))?.value.stuck
        const stuck = obstacle && stuckBy(obstacle, before, clock.now())
        await noteWalDamage(bus, walDamage, about(), { found, problem: `${problem}; ${why}`, stuck })
        events.walStuck(log, { targetId, sourceId, key, why })
      }
      const barred = here.found === 'missing' ? undefined : await obstacleAt(lane, key, clock.now(), signal)
      if (barred) return tell(here, { why: barred.why, obstacle: barred })
      let lies: Pick<typeof here, 'found' | 'problem'> = here
      const makeRoom = async () => {
        const obstacle = lies.found === 'missing' ? undefined : await removeWrong(lane, key, signal)
        if (obstacle === undefined) lies = { found: 'missing', problem: 'it is not there' }
        return obstacle
      }
      const filled = await fillFromOthers(lanes, lane, key, makeRoom, { signal, log })
      if (filled.why !== undefined) return tell(lies, filled)
      if (filled.from === undefined) return settleWalDamage(bus, walDamage, about())
      const { from, bytes } = filled
      await settleWalDamage(bus, walDamage, about(), { from })
      events.walRemade(log, { targetId, sourceId, key, from, bytes })
    })
}

const NO_REMOVAL: Obstacle = { reason: 'no-removal', why: 'this target has no removal credentials' }

/** What can be known without trying. */
async function obstacleAt(
  { target, remover }: Lane,
  key: Key,
  nowMs: number,
  signal: AbortSignal,
): Promise<Obstacle | undefined> {
  if (remover === undefined) return NO_REMOVAL
  const until = (await target.stat(key, { signal }))?.lockedUntil
  return until !== undefined && Date.parse(until) > nowMs ? lockedBy(until) : undefined
}

async function removeWrong({ remover }: Lane, key: Key, signal: AbortSignal): Promise<Obstacle | undefined> {
  if (remover === undefined) return NO_REMOVAL
  try {
    await remover.remove(key, { signal })
    return undefined
  } catch (thrown) {
    if (!LifeboatError.is(thrown, 'TARGET_HELD')) throw thrown
    return lockedBy(thrown.facts.until)
  }
}

function lockedBy(until: unknown): Obstacle {
  const why = heldText(until)
  return typeof until === 'string' ? { reason: 'locked', why, until: until as Moment } : { reason: 'locked', why }
}
