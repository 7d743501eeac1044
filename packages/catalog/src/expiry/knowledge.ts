import type { Bucket } from '@lifeboat/shared/bus/bus.ts'
import type { SourceId, TargetId } from '@lifeboat/shared/domain/ids.ts'
import type { Presence } from '@lifeboat/shared/service/presence.ts'
import { formatDuration } from '@lifeboat/shared/time/duration.ts'
import type { TargetSurvey } from '../audit/buckets.ts'

/** A look at every target is made every six hours; two in a row may fail. */
const SURVEY_AGE_MS = 20 * 3_600_000
const SKEW_MS = 10 * 60_000
const SCHEDULER_SILENT_MS = 2 * 60_000

/** What is not known, and of whom. */
export interface Knowledge {
  /** Of everything. */
  all: string[]
  /** What of it time may bring by itself: the next look at a target, a service that comes back. */
  passing: string[]
  source(sourceId: SourceId): string[]
  target: Record<TargetId, string[]>
}

export interface KnowledgeFacts {
  targets: readonly { targetId: TargetId; mayRemove: boolean }[]
  surveys: ReadonlyMap<TargetId, TargetSurvey>
  /** When anybody, and when a scheduler, last said to be there, by the clock of the bus; undefined: nobody did. */
  lastSeenMs: number | undefined
  schedulerSeenMs: number | undefined
  nowMs: number
}

/** Letting go needs to know: what time it is, what the catalogue is, what the targets hold, and that they may be removed from. */
export function knowledgeOf({ targets, surveys, lastSeenMs, schedulerSeenMs, nowMs }: KnowledgeFacts): Knowledge {
  const all = [
    ...clockDoubts(lastSeenMs, nowMs),
    ...targets.flatMap(({ targetId }) => storeClockDoubts(targetId, surveys.get(targetId), nowMs)),
  ]
  if (schedulerSeenMs === undefined || nowMs - schedulerSeenMs > SCHEDULER_SILENT_MS)
    all.push('no scheduler is running, so the catalogue may not be up to date')
  const target = Object.fromEntries(
    targets.map(({ targetId, mayRemove }) => [
      targetId,
      mayRemove
        ? surveyDoubts(targetId, surveys.get(targetId), nowMs)
        : [`no removal credentials are configured for ${targetId}`],
    ]),
  ) as Knowledge['target']
  const source = (sourceId: SourceId) =>
    [...surveys.values()].flatMap(({ targetId, unknown }) =>
      unknown[sourceId] === undefined
        ? []
        : [
            `${unknown[sourceId]} of its backups at ${targetId} are not in the catalogue: lifeboat catalog rebuild ${targetId}`,
          ],
    )
  const passing = [...all, ...targets.flatMap(({ targetId, mayRemove }) => (mayRemove ? (target[targetId] ?? []) : []))]
  return { all, passing, source, target }
}

function clockDoubts(lastSeenMs: number | undefined, nowMs: number): string[] {
  if (lastSeenMs === undefined || lastSeenMs - nowMs <= SKEW_MS) return []
  return [`the clock here is ${formatDuration(lastSeenMs - nowMs)} behind that of the bus`]
}

/** Of whoever listed: the times by which copies are old are told by such a clock, those of other targets as well. */
function storeClockDoubts(targetId: TargetId, survey: TargetSurvey | undefined, nowMs: number): string[] {
  const { at, clockAheadMs: aheadMs = 0 } = survey ?? {}
  if (Math.abs(aheadMs) <= SKEW_MS || nowMs - Date.parse(at ?? '') > SURVEY_AGE_MS) return []
  const off = `${formatDuration(Math.abs(aheadMs))} ${aheadMs > 0 ? 'ahead of' : 'behind'} that of ${targetId}`
  return [`a clock was ${off} when it was listed; set it right, then lifeboat target audit ${targetId}`]
}

function surveyDoubts(targetId: TargetId, survey: TargetSurvey | undefined, nowMs: number): string[] {
  const listing = `list it: lifeboat target audit ${targetId}`
  if (survey === undefined) return [`${targetId} was never listed; ${listing}`]
  const ageMs = nowMs - Date.parse(survey.at)
  if (ageMs > SURVEY_AGE_MS) return [`${targetId} was not listed for ${formatDuration(ageMs)}; ${listing}`]
  if (ageMs < -SKEW_MS) return [`${targetId} was listed in the future; look at the clocks`]
  return survey.doubt === undefined ? [] : [`the last look at ${targetId} is not believed: ${survey.doubt}`]
}

/** When anybody, and when a scheduler, last wrote its presence. */
export async function lastSeen(
  presence: Bucket<Presence>,
): Promise<Pick<KnowledgeFacts, 'lastSeenMs' | 'schedulerSeenMs'>> {
  let [lastSeenMs, schedulerSeenMs]: (number | undefined)[] = []
  for await (const { value, writtenAt } of presence.entries()) {
    lastSeenMs = Math.max(lastSeenMs ?? 0, writtenAt)
    if (value.service === 'scheduler') schedulerSeenMs = Math.max(schedulerSeenMs ?? 0, writtenAt)
  }
  return { lastSeenMs, schedulerSeenMs }
}
