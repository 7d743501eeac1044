import type { TargetSurvey } from '@lifeboat/catalog/audit/buckets.ts'
import { withDoubtedSince } from '@lifeboat/catalog/audit/doubted-since.ts'
import { moveMarks } from '@lifeboat/catalog/audit/judge-class.ts'
import { keepLocked } from '@lifeboat/catalog/audit/keep-locked.ts'
import { surveyTarget } from '@lifeboat/catalog/audit/survey.ts'
import { tellSurvey } from '@lifeboat/catalog/audit/tell-looks.ts'
import { CopyLockFound } from '@lifeboat/shared/bus/messages/copy.ts'
import { moment } from '@lifeboat/shared/domain/ids.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import type { Locks, Target } from '@lifeboat/storage/target.ts'
import type { Lane, UploaderDeps } from './deps.ts'

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

/** Leftovers of attempts that came to nothing go where removing is allowed; a look names them when they are two days old, and none while it is not believed. */
async function surveyLane(deps: Needs, { target, remover }: Lane, signal: AbortSignal): Promise<void> {
  const nowMs = deps.clock.now()
  const known = (await deps.surveys.get(target.id))?.value.classes?.marks
  const marks = moveMarks(target.transition, known ?? {}, moment(nowMs))
  const look = await surveyTarget(target, deps.catalog, { signal, nowMs, marks })
  await tellSurvey(deps.bus, look)
  let swept = 0
  for (const { key } of remover === undefined ? [] : look.orphans) {
    await remover?.remove(key, { signal })
    swept += 1
  }
  const before = (await deps.surveys.get(target.id))?.value
  const survey = withDoubtedSince(look.survey, before)
  // Expiry waits for the look, and locks are many questions more, each of which may fail.
  await deps.surveys.put(target.id, { ...survey, ...(before?.locks && { locks: before.locks }) })
  const { objects, bytes, backups, missing, damaged, classes } = survey
  const classed = classes && { misplaced: classes.misplaced.objects, late: classes.late.parts }
  const counts = { objects, bytes, backups, missing, damaged, ...classed, swept }
  deps.events.targetSurveyed(deps.log, { targetId: target.id, ...counts })
  // A look that is not believed says nothing about what is there.
  if (survey.doubt === undefined && target.locks !== undefined)
    await renewLocks(deps, target, target.locks, survey, signal)
}

async function renewLocks(
  deps: Needs,
  target: Target,
  locks: Locks,
  survey: TargetSurvey,
  signal: AbortSignal,
): Promise<void> {
  const tell = async (found: CopyLockFound) => void (await deps.bus.publish(CopyLockFound, found))
  const locked = await keepLocked(target, locks, deps.catalog, { signal, nowMs: deps.clock.now(), tell })
  await deps.surveys.put(target.id, { ...survey, locks: locked })
  for (const { backupId, sourceId, problem, now } of locked.drifted)
    deps.events.copyUnlocked(deps.log, { targetId: target.id, sourceId, backupId, problem, now })
}
