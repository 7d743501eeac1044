import { ByteSize } from '@lifeboat/shared/time/duration.ts'
import { levelObjectives } from '@lifeboat/testkit/runbooks/objectives.ts'
import type { Incident } from './levels/incident.ts'
import { levelReport } from './levels/level-report.ts'
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
  return levelReport(incidents, objectives)
}
