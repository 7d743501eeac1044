import { SURVEYS_BUCKET, type TargetSurvey } from '@lifeboat/catalog/audit/buckets.ts'
import type { BackupRow } from '@lifeboat/catalog/catalog.ts'
import { KvCatalog } from '@lifeboat/catalog/kv-catalog.ts'
import { knownRows } from '@lifeboat/catalog/summarize.ts'
import { removersOf } from '@lifeboat/config/keeping.ts'
import type { TargetId } from '@lifeboat/shared/domain/ids.ts'
import { formatBytes } from '@lifeboat/shared/time/duration.ts'
import type { Command } from '../context.ts'
import { timeText } from '../format/moments.ts'
import { table } from '../format/table.ts'
import { withFleet } from '../open-fleet.ts'
import { fillingsOf, fillingText } from '../target/fillings.ts'

/** Every target that is configured, what the last look found there, and how far one that was added later has come. Asks no target. */
export const targetList: Command<Record<never, never>> = (_none, context) =>
  withFleet(context, ['targets', 'policies', 'wal', 'expiry'], async ({ bus, config }) => {
    const catalog = await KvCatalog.open(bus)
    const surveys = await bus.bucket(SURVEYS_BUCKET)
    const fillings = await fillingsOf(bus, catalog, config, context.clock.now())
    const mayRemove = new Map(removersOf(config).map((one) => [one.targetId, one.mayRemove]))
    const ids = Object.keys(config.targets) as TargetId[]
    const inUse = new Set((await catalog.summaries()).flatMap(knownRows).flatMap(holdersOf))
    const targets = await Promise.all(
      ids.map(async (targetId) => {
        const survey = (await surveys.get(targetId))?.value
        return {
          targetId,
          kind: config.targets[targetId]?.kind ?? '',
          mayRemove: mayRemove.get(targetId) ?? false,
          survey: survey && inUse.has(targetId) && wasEmpty(survey) ? undefined : survey,
          filling: fillings.get(targetId),
        }
      }),
    )
    return {
      value: targets,
      text: (style) => {
        const rows = targets.map(({ targetId, kind, survey, filling }) => {
          const wrong = survey && survey.missing + survey.damaged > 0
          const doubt = survey?.doubt && style.bad(`not believed: ${survey.doubt}`)
          const bad = wrong && style.bad(`${survey.missing} missing, ${survey.damaged} damaged`)
          return [
            style.bold(targetId),
            kind,
            survey ? String(survey.backups) : '-',
            survey ? formatBytes(survey.bytes) : '-',
            survey ? timeText(survey.at) : style.warn('not surveyed yet'),
            [doubt, bad, fillingText(filling)].filter(Boolean).join('; '),
          ]
        })
        return table(['target', 'kind', 'backups', 'size', 'looked at', ''].map(style.dim), rows)
      },
    }
  })

function holdersOf({ copies }: BackupRow): TargetId[] {
  return (Object.keys(copies) as TargetId[]).filter((targetId) => HELD.has(copies[targetId] ?? ''))
}

const HELD: ReadonlySet<string> = new Set(['stored', 'proven', 'disproven'])

/** By a look at a place in which nothing lay and nothing should: it says nothing of what came since. */
function wasEmpty({ backups, missing, damaged, doubt }: TargetSurvey): boolean {
  return backups === 0 && missing === 0 && damaged === 0 && doubt === undefined
}
