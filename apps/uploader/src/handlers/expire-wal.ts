import { noteLetGo } from '@lifeboat/catalog/audit/wal-let-go.ts'
import { walToLetGo } from '@lifeboat/catalog/expiry/wal-window.ts'
import type { Handler } from '@lifeboat/shared/bus/bus.ts'
import { WalExpired, type WalExpiryRequested } from '@lifeboat/shared/bus/messages/expiry.ts'
import { moment, type SourceId } from '@lifeboat/shared/domain/ids.ts'
import { type Key, manifestKey } from '@lifeboat/shared/domain/keys.ts'
import type { PhysicalFacts } from '@lifeboat/shared/domain/manifest.ts'
import { parseLsn, parseWalKey, walPrefix } from '@lifeboat/shared/domain/wal.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import { manifestInside } from '@lifeboat/shared/signing/manifest-inside.ts'
import { LONGEST_MANIFEST_BYTES, readSmall } from '@lifeboat/storage/read-small.ts'
import type { Target } from '@lifeboat/storage/target.ts'
import type { Lane, UploaderDeps } from '../deps.ts'
import { holdsAt } from '../expiry/holds-at.ts'
import { inParallel } from '../parallel.ts'

const AT_ONCE = 8

/**
 * Removes WAL that recovery within the window does not need, and pieces of segments that are there whole. The base the window begins with is asked
 * for once more: without it at this target nothing goes, and nothing from where recovery by it begins. What is about to go is written down before: a removal that breaks half-way tells nobody, and an agent that does
 * not run hears nothing.
 */
export function expireWal(
  deps: Pick<UploaderDeps, 'bus' | 'holds' | 'walLetGo' | 'events' | 'clock'>,
  lane: Lane,
): Handler<WalExpiryRequested> {
  return (wish, { signal, log }) =>
    lane.gate.through(signal, async () => {
      const { remover } = lane
      const { sourceId, targetId, anchor, timeline, before, anchorAt } = wish
      if (remover === undefined || (await isHeld(deps, lane.target, sourceId, signal))) return
      const base = await readBase(lane.target, manifestKey(sourceId, anchor), signal)
      if (base === undefined) return
      if (timeline > base.timeline || parseLsn(before) > parseLsn(base.startLsn))
        return deps.events.walKept(log, { sourceId, targetId, anchor, timeline, before, startLsn: base.startLsn })
      const listed = []
      for await (const { key, bytes } of lane.target.list(walPrefix(sourceId), { signal })) {
        const object = parseWalKey(key)
        if (object && bytes > 0) listed.push({ key, bytes, object })
      }
      await noteLetGo(deps.walLetGo, { sourceId, targetId, timeline, lsn: before })
      const gone = { objects: 0, bytes: 0, locked: 0 }
      await inParallel(walToLetGo(listed, wish), AT_ONCE, async ({ key, bytes }) => {
        try {
          await remover.remove(key, { signal })
          gone.objects += 1
          gone.bytes += bytes
        } catch (thrown) {
          if (!LifeboatError.is(thrown, 'TARGET_HELD')) throw thrown
          gone.locked += 1
        }
      })
      const about = { sourceId, targetId, timeline, before, anchor, anchorAt }
      await deps.bus.publish(WalExpired, { ...about, expiredAt: moment(deps.clock.now()), ...gone })
      deps.events.walExpired(log, { sourceId, targetId, before, ...gone })
    })
}

async function isHeld(
  { holds }: Pick<UploaderDeps, 'holds'>,
  target: Target,
  sourceId: SourceId,
  signal: AbortSignal,
): Promise<boolean> {
  for await (const { value } of holds.entries())
    if (value.sourceId === sourceId && value.backupId === undefined && value.released === undefined) return true
  return (await holdsAt(target, sourceId, { holds, signal })).some(({ backupId }) => backupId === undefined)
}

/** Where recovery from the base begins, by its own manifest: a wish is not signed, and could name any place. Undefined: it is not there, or no base. */
async function readBase(
  target: Target,
  key: Key,
  signal: AbortSignal,
): Promise<Pick<PhysicalFacts, 'timeline' | 'startLsn'> | undefined> {
  if ((await target.stat(key, { signal })) === undefined) return undefined
  const envelope = await readSmall(await target.get(key, { signal }), key, LONGEST_MANIFEST_BYTES)
  return manifestInside(envelope).physical
}
