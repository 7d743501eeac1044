import { setTimeout as pause } from 'node:timers/promises'
import { beginsLike, common, type HeldWal, isNone, notLetGo, together } from '@lifeboat/catalog/audit/wal-held.ts'
import { letGoBefore } from '@lifeboat/catalog/audit/wal-let-go.ts'
import { heldOf, stretchesOf, type WalSurvey } from '@lifeboat/catalog/audit/wal-survey.ts'
import { vanishedSince } from '@lifeboat/catalog/audit/wal-vanished.ts'
import { moment, type SourceId, type TargetId } from '@lifeboat/shared/domain/ids.ts'
import type { WalState } from '@lifeboat/shared/domain/wal.ts'
import type { Lane, UploaderDeps } from '../deps.ts'
import { goneOf } from './gone.ts'
import { type Look, lookAtWal } from './look.ts'
import { tellMissing } from './tell-missing.ts'

/** All WAL of every source is listed at every target for it. */
const EVERY_MS = 6 * 3_600_000
/** Of a source of which something is gone: whoever puts it back should not be told for long that it is. */
const WHILE_GONE_MS = 3_600_000
/** What seems to be gone is looked at twice: expiry may be about it, or a list was not up to date. */
const AGAIN_AFTER_MS = 60_000

type Needs = Pick<
  UploaderDeps,
  'bus' | 'catalog' | 'lanes' | 'walStates' | 'walLetGo' | 'walDamage' | 'walSurveys' | 'events' | 'clock' | 'log'
>

/**
 * Every six hours, each hour while something is gone, whoever of all uploaders comes first: looks by their names whether targets still hold the WAL they were seen to hold. What one lacks and another has
 * is told and asked to be put anew; what none has any more is written down, for recovery ends there.
 */
export async function surveyWal(deps: Needs, signal: AbortSignal, againAfterMs = AGAIN_AFTER_MS): Promise<void> {
  for (const { value } of await Array.fromAsync(deps.walStates.entries())) {
    const claimed = await claim(deps, value.sourceId)
    if (claimed)
      await orGivenBack(deps, claimed, signal, () => surveySource(deps, value, claimed, { signal, againAfterMs }))
  }
}

interface Claimed {
  survey: WalSurvey
  revision: number
  /** What the look before came to, if there was one. */
  before: WalSurvey | undefined
}

/** @returns undefined: another took it, or it is not time yet */
async function claim({ walSurveys, clock }: Needs, sourceId: SourceId): Promise<Claimed | undefined> {
  const nowMs = clock.now()
  const known = await walSurveys.get(sourceId)
  const everyMs = known?.value.gone.length ? WHILE_GONE_MS : EVERY_MS
  if (known !== undefined && Math.abs(nowMs - Date.parse(known.value.at)) < everyMs) return undefined
  const survey = { ...(known?.value ?? { sourceId, seen: {}, held: {}, gone: [] }), at: moment(nowMs) }
  const revision = known
    ? await walSurveys.update(sourceId, survey, known.revision)
    : await walSurveys.create(sourceId, survey)
  return revision === undefined ? undefined : { survey, revision, before: known?.value }
}

/** A look that is not taken to its end because the uploader stops is due as before, for whoever is there next. */
async function orGivenBack(
  { walSurveys }: Needs,
  { survey: { sourceId }, revision, before }: Claimed,
  signal: AbortSignal,
  look: () => Promise<void>,
): Promise<void> {
  try {
    await look()
  } catch (thrown) {
    if (signal.aborted && before) await walSurveys.update(sourceId, before, revision)
    else if (signal.aborted) await walSurveys.delete(sourceId, revision)
    throw thrown
  }
}

async function surveySource(
  deps: Needs,
  state: WalState,
  { survey, revision }: Claimed,
  { signal, againAfterMs }: { signal: AbortSignal; againAfterMs: number },
): Promise<void> {
  const { sourceId } = state
  const lanes = deps.lanes.filter(({ target }) => target.id in state.targets)
  const seenThen = async (now: WalState) => {
    const seen = new Map<TargetId, HeldWal>()
    for (const { target } of lanes) {
      const words = await letGoBefore(deps.walLetGo, now, target.id)
      seen.set(target.id, words.reduce(notLetGo, heldOf(survey.seen[target.id])))
    }
    return seen
  }
  const first = await lookAtWal(deps, state, lanes, signal)
  const suspected = vanishedSince(await seenThen(state), first)
  let last = first
  if (suspected.missing.size > 0 || !isNone(suspected.gone)) {
    await pause(againAfterMs, undefined, { signal })
    last = await lookAtWal(deps, state, lanes, signal)
  }
  // Read behind the look: what was let go by then is not missing.
  const before = await seenThen((await deps.walStates.get(sourceId))?.value ?? state)
  const found = vanishedSince(before, last)
  const still = lanes.filter((lane) => isStill(lane, first, last))
  for (const lane of still) {
    const [was, is] = [suspected.missing.get(lane.target.id), found.missing.get(lane.target.id)]
    if (was && is) await tellMissing(deps, state, { lane, missing: common(was, is), others: lanes }, signal)
  }
  // A target this uploader is not configured for may have it, and cannot be asked from here.
  const isCertain = still.length > 0 && still.length === Object.keys(state.targets).length
  const gone = isCertain
    ? await goneOf(deps, state, { held: common(suspected.gone, found.gone), lanes, known: survey.gone }, signal)
    : survey.gone
  const [seen, holds] = [{ ...survey.seen }, { ...survey.held }]
  for (const [targetId, { held }] of last) {
    seen[targetId] = stretchesOf(together(before.get(targetId) ?? held, held))
    holds[targetId] = stretchesOf(held)
  }
  await deps.walSurveys.update(sourceId, { ...survey, seen, held: holds, gone }, revision)
  const sum = (what: 'objects' | 'bytes') => [...last.values()].reduce((all, look) => all + look[what], 0)
  const counts = { targets: last.size, objects: sum('objects'), bytes: sum('bytes'), gone: gone.length }
  deps.events.walSurveyed(deps.log, { sourceId, ...counts })
}

/** Whether a target could be listed, twice where that was needed, and its beginning did not move meanwhile. */
function isStill({ target }: Lane, first: ReadonlyMap<TargetId, Look>, last: ReadonlyMap<TargetId, Look>): boolean {
  const [was, is] = [first.get(target.id), last.get(target.id)]
  return was !== undefined && is !== undefined && beginsLike(was.held, is.held)
}
