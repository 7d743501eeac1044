import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Duration } from '@lifeboat/shared/time/duration.ts'
import { RUNBOOKS } from './page.ts'

/** Where the objectives of the levels are written down. */
export const OBJECTIVES_PAGE = 'docs/runbooks/README.md'

const ROW = /^\| (?<level>\d) \|.*\| (?<within>\w+) \|$/gm

/** Level → milliseconds within which it has to be over, as the table of the runbooks promises. */
export async function levelObjectives(): Promise<ReadonlyMap<number, number>> {
  return objectivesIn(await readFile(join(RUNBOOKS, 'README.md'), 'utf8'))
}

/** @throws ZodError when what stands in the last column is no length of time */
export function objectivesIn(page: string): ReadonlyMap<number, number> {
  const rows = Array.from(page.matchAll(ROW), ({ groups }) => groups ?? {})
  return new Map(rows.map(({ level, within }) => [Number(level), Duration.parse(within)]))
}
