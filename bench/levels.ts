import { ByteSize, formatBytes, formatDuration } from '@lifeboat/shared/time/duration.ts'
import { levelObjectives, OBJECTIVES_PAGE } from '@lifeboat/testkit/runbooks/objectives.ts'
import type { Incident } from './levels/incident.ts'
import { loseServicesAndData } from './levels/lost-data.ts'
import { loseHost } from './levels/lost-host.ts'
import { loseSite } from './levels/lost-site.ts'
import type { BenchReport } from './report.ts'

/** `pnpm bench levels [1GB]`: what docs/runbooks is about happens, is mended word by word as the pages say, and the clock is held against their objectives. */
export async function bench([size = '1GB']: readonly string[]): Promise<BenchReport> {
  const objectives = await levelObjectives()
  const how = { databaseMb: ByteSize.parse(size) / 1e6, say: console.error }
  const incidents: Incident[] = []
  for (const happen of [loseServicesAndData, loseHost, loseSite]) incidents.push(...(await happen(how)))
  const judged = incidents.map((incident) => ({ incident, objectiveMs: objectives.get(incident.level) ?? Number.NaN }))
  return {
    title: `The incidents of docs/runbooks with a database of ${formatBytes(incidents[0]?.databaseBytes ?? 0)}: seconds from the loss, each gone through once.`,
    tables: [
      {
        columns: ['level', 'what was lost', 'section', 'size', 'data is back', 'next backup proven', 'objective'],
        rows: judged.map(({ incident, objectiveMs }) => [
          ...[incident.level, incident.lost, incident.way, formatBytes(incident.databaseBytes)],
          ...[secondsText(incident.answersAfter), secondsText(incident.goesOnAfter), formatDuration(objectiveMs)],
        ]),
      },
    ],
    ratios: judged.map(({ incident, objectiveMs }) => ({
      what: `level ${incident.level}, ${incident.lost}, ${endOf(incident).means}, against ${formatDuration(objectiveMs)}`,
      ratio: (endOf(incident).after * 1000) / objectiveMs,
      limit: 1,
    })),
    notes: [
      `The objectives are those of the table in ${OBJECTIVES_PAGE}: at levels 2 and 3 it counts when the data is back, at levels 1 and 4 when backups go on.`,
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

function secondsText(after: number | undefined): string {
  return after === undefined ? '–' : after.toFixed(1)
}
