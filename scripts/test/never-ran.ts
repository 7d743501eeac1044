import { didNotRun, type ToldTest, testsOf } from './tally.ts'

/** What may stay out of a whole run: no machine can run it. */
const EXCUSED: readonly RegExp[] = [
  // Azurite keeps no object under lock, and a folder cannot.
  /^(azure|filesystem)\b.* keeps the target contract: a locked copy survives a remove$/,
  // The nats tool is in no Debian suite.
  /published by hand: nats pub …$/,
]

/**
 * The tests that one of several runs left out and none of them passed, without an excuse.
 *
 * A test that wants another PostgreSQL major than one run had is no finding when it passed in the run that has it.
 *
 * @param reports vitest's JSON reports, one for each run
 * @returns file, from the project's folder, and full title of each, in order
 */
export function neverRan(reports: readonly (string | undefined)[]): string[] {
  const tests = reports.flatMap(testsOf)
  const passed = new Set(tests.filter(({ status }) => status === 'passed').map(nameOf))
  const missing = tests.filter((test) => didNotRun(test) && !isExcused(test)).map(nameOf)
  return [...new Set(missing)].filter((name) => !passed.has(name)).sort()
}

/** Runs in a Debian root see the project elsewhere, so the name begins with one of its folders. */
function nameOf({ file, title }: ToldTest): string {
  return `${file.split(/\/(?=(?:apps|packages|scripts|bench|e2e)\/)/).at(-1)}: ${title}`
}

function isExcused({ title }: ToldTest): boolean {
  return EXCUSED.some((excused) => excused.test(title))
}
