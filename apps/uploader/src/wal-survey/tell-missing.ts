import { walDamageKey } from '@lifeboat/catalog/audit/buckets.ts'
import { tellWalReading } from '@lifeboat/catalog/audit/tell-looks.ts'
import { type HeldWal, touches } from '@lifeboat/catalog/audit/wal-held.ts'
import { moment } from '@lifeboat/shared/domain/ids.ts'
import type { Key } from '@lifeboat/shared/domain/keys.ts'
import { type WalState, walPrefix } from '@lifeboat/shared/domain/wal.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import type { Lane, UploaderDeps } from '../deps.ts'
import { missingWal } from '../missing-wal.ts'
import { wasLetGo } from '../wal-let-go.ts'

/** Of one target and look; what is beyond comes with the next look, or by the daily comparison of the targets. */
const MOST = 100

type Needs = Pick<UploaderDeps, 'bus' | 'walDamage' | 'walStates' | 'walLetGo' | 'clock' | 'log'>

/** Finds by the listings of other targets which objects are missing at one; each is told and asked to be put anew like one that was found damaged. */
export async function tellMissing(
  deps: Needs,
  { sourceId, segmentBytes }: WalState,
  { lane, missing, others }: { lane: Lane; missing: HeldWal; others: readonly Lane[] },
  signal: AbortSignal,
): Promise<void> {
  const told = new Set<Key>()
  const list = ({ target }: Lane) => target.list(walPrefix(sourceId), { signal })
  for (const other of others) {
    if (other === lane || other.gate.away) continue
    try {
      for await (const { key, object } of missingWal(list(lane), list(other), { from: 0n, segmentBytes })) {
        if (told.size >= MOST) return
        if (
          !told.has(key) &&
          touches(missing, object, segmentBytes) &&
          (await tellOne(deps, lane, { sourceId, key }, signal))
        )
          told.add(key)
      }
    } catch (thrown) {
      signal.throwIfAborted()
      const err = LifeboatError.from(thrown)
      if (!err.code.startsWith('TARGET_')) throw thrown
      const facts = { targetId: lane.target.id, other: other.target.id, sourceId, err }
      deps.log.warn({ event: 'wal.unsurveyed', ...facts }, 'the WAL at a target could not be looked at')
    }
  }
}

/** @returns whether there was something to tell: it may have been let go since, and what is known already has its own pace */
async function tellOne(
  deps: Needs,
  { target }: Lane,
  about: Parameters<typeof wasLetGo>[2],
  signal: AbortSignal,
): Promise<boolean> {
  const damage = { ...about, targetId: target.id, at: moment(deps.clock.now()) }
  const known = (await deps.walDamage.get(walDamageKey(damage)))?.value
  if (known !== undefined && known.mended === undefined) return false
  if ((await target.stat(about.key, { signal })) !== undefined || (await wasLetGo(deps, target, about, signal)))
    return false
  await tellWalReading(deps.bus, deps.walDamage, damage, { found: 'missing', problem: 'it is not there any more' })
  return true
}
