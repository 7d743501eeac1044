import { formatBytes, formatDuration } from '@lifeboat/shared/time/duration.ts'
import { type LevelObjective, OBJECTIVES_PAGE } from '@lifeboat/testkit/runbooks/objectives.ts'
import type { BenchReport } from '../report.ts'
import type { Incident } from './incident.ts'

/** Holds what happened against what the runbooks promise: when it was over, and what was lost. */
export function levelReport(
  incidents: readonly Incident[],
  objectives: ReadonlyMap<number, LevelObjective>,
): BenchReport {
  const unknown: LevelObjective = { withinMs: Number.NaN, lostMs: Number.NaN }
  const judged = incidents.map((incident) => ({ incident, promised: objectives.get(incident.level) ?? unknown }))
  return {
    title: `The incidents of docs/runbooks with a database of ${formatBytes(incidents[0]?.databaseBytes ?? 0)}: seconds from the loss, each gone through once.`,
    tables: [
      {
        columns: [
          ...['level', 'what was lost', 'section', 'size', 'data is back', 'next backup proven', 'within'],
          ...['last commits lost', 'at most'],
        ],
        rows: judged.map(({ incident, promised }) => [
          ...[incident.level, incident.lost, incident.way, formatBytes(incident.databaseBytes)],
          ...[secondsText(incident.answersAfter), secondsText(incident.goesOnAfter)],
          ...[formatDuration(promised.withinMs), secondsText(lostSeconds(incident)), lossText(promised)],
        ]),
      },
    ],
    ratios: judged.flatMap(({ incident, promised }) => [
      {
        what: `level ${incident.level}, ${incident.lost}, ${endOf(incident).means}, against ${formatDuration(promised.withinMs)}`,
        ratio: (endOf(incident).after * 1000) / promised.withinMs,
        limit: 1,
      },
      ...(incident.lostMs === undefined
        ? []
        : [
            {
              what: `level ${incident.level}, ${incident.lost}, last commits lost, against ${lossText(promised)}`,
              ratio: incident.lostMs / promised.lostMs,
              limit: 1,
            },
          ]),
    ]),
    notes: [
      `The objectives are those of the table in ${OBJECTIVES_PAGE}: at levels 2 and 3 it counts when the data is back, at levels 1 and 4 when backups go on.`,
      'Somebody commits every 50 ms until the loss. Lost are the seconds between the last commit that was acknowledged and the last one that the database which came back knows of: out of a dump what came after it, out of WAL what was not off-site yet (here it is shipped every second).',
      'The commands of the pages run one behind the other: what people need to notice, to decide and to find new machines comes on top. More data takes longer; what to expect with yours, `lifeboat status` tells from its drills.',
      'All hosts share the cores and the disk of this machine; new hosts and an empty NATS stand ready, and the target is a folder: a download from a cloud is not in it.',
    ],
  }
}

/** When the level is over, and by what. */
function endOf({ level, answersAfter, goesOnAfter }: Incident): { after: number; means: string } {
  const [after, means] =
    level === 1 || level === 4 ? [goesOnAfter, 'until backups go on'] : [answersAfter, 'until the data is back']
  return { after: after ?? Number.NaN, means }
}

function lostSeconds({ lostMs }: Incident): number | undefined {
  return lostMs === undefined ? undefined : lostMs / 1000
}

function lossText({ lostMs }: LevelObjective): string {
  return lostMs === 0 ? 'nothing' : formatDuration(lostMs)
}

function secondsText(after: number | undefined): string {
  return after === undefined ? '–' : after.toFixed(1)
}
