import { readWal } from '@lifeboat/catalog/audit/read-wal.ts'
import { noteWalDamage, settleWalDamage } from '@lifeboat/catalog/audit/tell-looks.ts'
import type { Handler } from '@lifeboat/shared/bus/bus.ts'
import type { WalRemakeRequested } from '@lifeboat/shared/bus/messages/audit.ts'
import { moment } from '@lifeboat/shared/domain/ids.ts'
import type { Key } from '@lifeboat/shared/domain/keys.ts'
import type { Lane, UploaderDeps } from '../deps.ts'
import { demandFleet } from '../fleet-marker.ts'
import { heldOrThrow } from '../remake/ensure-whole.ts'
import { fillFromOthers } from '../remake/from-other-targets.ts'
import { wasLetGo } from '../wal-let-go.ts'

type Needs = Pick<
  UploaderDeps,
  'bus' | 'fleet' | 'lanes' | 'walDamage' | 'walRecords' | 'walStates' | 'events' | 'clock'
>

/**
 * Replaces an object of WAL that is damaged by what another target holds under the same key, after every byte of that was compared with the digest it was put with. The
 * key names the plain bytes, so it may be encrypted another time.
 *
 * What lies there and is wrong cannot be written over: it is removed where that is allowed, else it stays damaged and that is told. So it is where no other target gives
 * it: the wish is done, and whoever looks next asks again.
 */
export function remakeWal(deps: Needs, lane: Lane): Handler<WalRemakeRequested> {
  return ({ sourceId, targetId, key }, { signal, log }) =>
    lane.gate.through(signal, async () => {
      const { bus, walDamage, clock, events, lanes } = deps
      const about = () => ({ sourceId, targetId, key, at: moment(clock.now()) })
      await demandFleet(lane.target, deps.fleet, signal)
      const here = await readWal(lane.target, key, { signal })
      if (here.found === 'whole') return settleWalDamage(bus, walDamage, about())
      if (here.found === 'missing' && (await wasLetGo(deps, lane.target, { sourceId, key }, signal)))
        return settleWalDamage(bus, walDamage, about(), { letGo: true })
      let lies: Pick<typeof here, 'found' | 'problem'> = here
      const makeRoom = async () => {
        const why = lies.found === 'missing' ? undefined : await removeWrong(lane, key, signal)
        if (why === undefined) lies = { found: 'missing', problem: 'it is not there' }
        return why
      }
      const filled = await fillFromOthers(lanes, lane, key, makeRoom, signal)
      if (filled.from === undefined) {
        const { found, problem } = lies
        await noteWalDamage(bus, walDamage, about(), { found, problem: `${problem}; ${filled.why}` })
        return events.walStuck(log, { targetId, sourceId, key, why: filled.why })
      }
      const { from, bytes } = filled
      await settleWalDamage(bus, walDamage, about(), { from })
      events.walRemade(log, { targetId, sourceId, key, from, bytes })
    })
}

/** @returns why it cannot be removed */
async function removeWrong({ remover }: Lane, key: Key, signal: AbortSignal): Promise<string | undefined> {
  if (remover === undefined) return 'this target has no removal credentials'
  return (await remover.remove(key, { signal }).catch(heldOrThrow)) ?? undefined
}
