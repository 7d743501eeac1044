import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Duration } from '@lifeboat/shared/time/duration.ts'
import { RUNBOOKS } from './page.ts'

/** Where the objectives of the levels are written down. */
export const OBJECTIVES_PAGE = 'docs/runbooks/README.md'

const ROW = /^\| (?<level>\d) \|.*\| (?<within>\w+) \| (?<lost>\w+) \|$/gm
/** PostgreSQL itself lives on. */
const NOTHING = 'nothing'

/** What is promised of a level: when it is over, and how much of what was committed last may be gone then. */
export interface LevelObjective {
  withinMs: number
  lostMs: number
}

/** By level, as the table of the runbooks promises. */
export async function levelObjectives(): Promise<ReadonlyMap<number, LevelObjective>> {
  return objectivesIn(await readFile(join(RUNBOOKS, 'README.md'), 'utf8'))
}

/** @throws ZodError when what stands in the last columns is no length of time */
export function objectivesIn(page: string): ReadonlyMap<number, LevelObjective> {
  const rows = Array.from(page.matchAll(ROW), ({ groups }) => groups ?? {})
  return new Map(
    rows.map(({ level, within, lost }) => [
      Number(level),
      { withinMs: Duration.parse(within), lostMs: lost === NOTHING ? 0 : Duration.parse(lost) },
    ]),
  )
}
