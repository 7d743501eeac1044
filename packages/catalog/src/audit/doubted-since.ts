import type { TargetSurvey } from './buckets.ts'

/** The survey with the moment from which on no look was believed; one that is believed ends that. */
export function withDoubtedSince(survey: TargetSurvey, before: TargetSurvey | undefined): TargetSurvey {
  if (survey.doubt === undefined) return survey
  return { ...survey, doubtedSince: before?.doubtedSince ?? survey.at }
}
