/** What vitest runs came to. */
export interface Counts {
  passed: number
  failed: number
  skipped: number
}

interface VitestReport {
  numPassedTests: number
  numPendingTests: number
  numTodoTests: number
  testResults: { name: string; status: string; assertionResults: { status: string; fullName: string }[] }[]
}

/**
 * Counts the tests in vitest's JSON report; a file that failed without a failed test of its own (it did not even load) counts as one failure.
 *
 * @param json absent when vitest died before it wrote one: that is a failure too
 */
export function tally(json: string | undefined): Counts {
  if (json === undefined) return { passed: 0, failed: 1, skipped: 0 }
  const report: VitestReport = JSON.parse(json)
  return {
    passed: report.numPassedTests,
    failed: failures(json).length,
    skipped: report.numPendingTests + report.numTodoTests,
  }
}

const NOT_RUN = ['pending', 'skipped', 'todo', 'disabled']

/** One test of a report: in which file, under which full title, and whether it passed, failed or did not run. */
export interface ToldTest {
  file: string
  title: string
  status: string
}

/** Every test of vitest's JSON report; none when there is no report. */
export function testsOf(json: string | undefined): ToldTest[] {
  if (json === undefined) return []
  const { testResults }: VitestReport = JSON.parse(json)
  return testResults.flatMap(({ name, assertionResults }) =>
    assertionResults.map(({ fullName, status }) => ({ file: name, title: fullName.trim(), status })),
  )
}

export function didNotRun({ status }: ToldTest): boolean {
  return NOT_RUN.includes(status)
}

/** The integration suites of a report that really ran, by file name (`s3` for `s3.int.test.ts`): at least one test of theirs passed. */
export function suitesThatRan(json: string | undefined): string[] {
  if (json === undefined) return []
  const { testResults }: VitestReport = JSON.parse(json)
  return testResults
    .filter((file) => file.assertionResults.some((test) => test.status === 'passed'))
    .map((file) => /([^/]+)\.int\.test\.ts$/.exec(file.name)?.[1])
    .filter((name) => name !== undefined)
}

/** Every test that did not run, by its full title: what is left out is said at the end, where it is read. */
export function leftOut(json: string | undefined): string[] {
  return testsOf(json)
    .filter(didNotRun)
    .map(({ title }) => title)
}

/** Every test that failed, by its full title, and every file that failed as a whole, by its name. */
export function failures(json: string | undefined): string[] {
  if (json === undefined) return ['vitest wrote no report']
  const { testResults }: VitestReport = JSON.parse(json)
  return testResults.flatMap(({ name, status, assertionResults }) => {
    const tests = assertionResults.filter((test) => test.status === 'failed').map(({ fullName }) => fullName.trim())
    return tests.length === 0 && status === 'failed' ? [name] : tests
  })
}

export function add(one: Counts, other: Counts): Counts {
  return {
    passed: one.passed + other.passed,
    failed: one.failed + other.failed,
    skipped: one.skipped + other.skipped,
  }
}

/** One plain line that scripts around us can read whatever vitest's own summary looks like. */
export function closingLine({ passed, failed, skipped }: Counts): string {
  return `${passed} passed, ${failed} failed, ${skipped} skipped`
}
