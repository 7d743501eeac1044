import { withDoubtedSince } from '@lifeboat/catalog/audit/doubted-since.ts'
import { keepLocked } from '@lifeboat/catalog/audit/keep-locked.ts'
import { surveyTarget } from '@lifeboat/catalog/audit/survey.ts'
import { CopyAudited, CopyRemakeRequested } from '@lifeboat/shared/bus/messages/audit.ts'
import { moment } from '@lifeboat/shared/domain/ids.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import type { Lane, UploaderDeps } from './deps.ts'

const DAY_MS = 24 * 3_600_000
/** Expiry believes a look for twenty hours. */
export const SURVEY_EVERY_MS = 6 * 3_600_000

/** A look that is not believed is repeated soon: either it was wrong, or a person must know. */
const DOUBTED_EVERY_MS = 10 * 60_000

type Needs = Pick<UploaderDeps, 'bus' | 'catalog' | 'surveys' | 'events' | 'clock' | 'log'>

/** Looks at each target whose last look is old, whoever made it, and tells what is not as the catalogue says. */
export async function surveyTargets(deps: Needs, lanes: readonly Lane[], signal: AbortSignal): Promise<void> {
  for (const lane of lanes) {
    const targetId = lane.target.id
    const last = (await deps.surveys.get(targetId))?.value
    const ageMs = deps.clock.now() - Date.parse(last?.at ?? '')
    if (ageMs >= 0 && ageMs < (last?.doubt === undefined ? SURVEY_EVERY_MS : DOUBTED_EVERY_MS)) continue
    try {
      await lane.gate.through(signal, () => surveyLane(deps, lane, signal))
    } catch (thrown) {
      signal.throwIfAborted()
      const err = LifeboatError.from(thrown)
      deps.log.warn({ event: 'target.unsurveyed', targetId, err }, 'a target could not be looked at')
    }
  }
}

/** Leftovers go only where removing is allowed, and two looks a day apart saw them by their age. */
async function surveyLane(deps: Needs, { target, remover }: Lane, signal: AbortSignal): Promise<void> {
  const nowMs = deps.clock.now()
  const { survey, findings, orphans } = await surveyTarget(target, deps.catalog, { signal, nowMs })
  for (const { sourceId, backupId, found, problem } of findings) {
    const about = { sourceId, backupId, targetId: target.id }
    await deps.bus.publish(CopyAudited, { ...about, at: survey.at, found, problem })
    if (found !== 'whole')
      await deps.bus.publish(CopyRemakeRequested, { ...about, reason: `${found}: ${problem}`, requestedAt: survey.at })
  }
  let swept = 0
  for (const { key, storedAt } of remover === undefined ? [] : orphans) {
    if (nowMs - Date.parse(storedAt ?? moment(nowMs)) < 2 * DAY_MS) continue
    await remover?.remove(key, { signal })
    swept += 1
  }
  // A look that is not believed says nothing about what is there.
  const { locks } = survey.doubt === undefined ? target : {}
  const locked = locks && (await keepLocked(target, locks, deps.catalog, { signal, nowMs }))
  const before = (await deps.surveys.get(target.id))?.value
  await deps.surveys.put(target.id, { ...withDoubtedSince(survey, before), ...(locked && { locks: locked }) })
  for (const { backupId, sourceId, problem, now } of locked?.drifted ?? [])
    deps.events.copyUnlocked(deps.log, { targetId: target.id, sourceId, backupId, problem, now })
  const { objects, bytes, backups, missing, damaged } = survey
  deps.events.targetSurveyed(deps.log, { targetId: target.id, objects, bytes, backups, missing, damaged, swept })
}
