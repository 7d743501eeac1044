import { readWal, type WalReading } from '@lifeboat/catalog/audit/read-wal.ts'
import { noteWalDamage, settleWalDamage } from '@lifeboat/catalog/audit/tell-looks.ts'
import type { Handler } from '@lifeboat/shared/bus/bus.ts'
import type { WalRemakeRequested } from '@lifeboat/shared/bus/messages/audit.ts'
import { moment } from '@lifeboat/shared/domain/ids.ts'
import type { Key } from '@lifeboat/shared/domain/keys.ts'
import type { Target } from '@lifeboat/storage/target.ts'
import { bodiesOf } from '../bodies.ts'
import type { Lane, UploaderDeps } from '../deps.ts'
import { demandFleet } from '../fleet-marker.ts'
import { heldOrThrow } from '../remake/ensure-whole.ts'

type Needs = Pick<UploaderDeps, 'bus' | 'fleet' | 'lanes' | 'walDamage' | 'events' | 'clock'>

/**
 * Replaces an object of WAL that is damaged by what another target holds under the same key, after every byte of that was compared with the digest it was put with. The
 * key names the plain bytes, so it may be encrypted another time.
 *
 * What lies there and is wrong cannot be written over: it is removed where that is allowed, else it stays damaged and that is told.
 */
export function remakeWal(deps: Needs, lane: Lane): Handler<WalRemakeRequested> {
  return ({ sourceId, targetId, key }, { signal, log }) =>
    lane.gate.through(signal, async () => {
      const { bus, walDamage, clock, events } = deps
      const about = () => ({ sourceId, targetId, key, at: moment(clock.now()) })
      await demandFleet(lane.target, deps.fleet, signal)
      const here = await readWal(lane.target, key, { signal })
      if (here.found === 'whole') return settleWalDamage(bus, walDamage, about())
      const other = await findWhole(deps, lane, key, signal)
      if (other === undefined && here.found === 'missing')
        return settleWalDamage(bus, walDamage, about(), { letGo: true })
      const why = other === undefined ? 'no other target has it whole' : await makeRoom(lane, key, here, signal)
      if (other === undefined || why !== undefined) {
        await noteWalDamage(bus, walDamage, about(), { found: here.found, problem: `${here.problem}; ${why}` })
        return events.walStuck(log, { targetId, sourceId, key, why })
      }
      const { target, content } = other
      using body = bodiesOf(await target.get(key, { signal }), () => target.get(key, { signal }))
      await lane.target.put(key, body, { ...content, role: 'wal', signal })
      await settleWalDamage(bus, walDamage, about(), { from: target.id })
      events.walRemade(log, { targetId, sourceId, key, from: target.id, bytes: content.bytes })
    })
}

type Whole = Extract<WalReading, { found: 'whole' }>

/** @throws what a target answered that cannot be asked now, where none of the others has it */
async function findWhole(
  { lanes }: Needs,
  lane: Lane,
  key: Key,
  signal: AbortSignal,
): Promise<{ target: Target; content: Whole['content'] } | undefined> {
  let broken: unknown
  for (const { target } of lanes) {
    if (target.id === lane.target.id) continue
    try {
      const there = await readWal(target, key, { signal })
      if (there.found === 'whole') return { target, content: there.content }
    } catch (thrown) {
      signal.throwIfAborted()
      broken = thrown
    }
  }
  if (broken !== undefined) throw broken
  return undefined
}

/** @returns why it cannot be removed */
async function makeRoom(
  { remover }: Lane,
  key: Key,
  { found }: WalReading,
  signal: AbortSignal,
): Promise<string | undefined> {
  if (found === 'missing') return undefined
  if (remover === undefined) return 'this target has no removal credentials'
  return (await remover.remove(key, { signal }).catch(heldOrThrow)) ?? undefined
}
