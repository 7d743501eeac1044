/** What vitest runs came to. */
export interface Counts {
  passed: number
  failed: number
  skipped: number
}

interface VitestReport {
  numPassedTests: number
  numFailedTests: number
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
  const broken = report.testResults.filter(
    (file) => file.status === 'failed' && !file.assertionResults.some((test) => test.status === 'failed'),
  )
  return {
    passed: report.numPassedTests,
    failed: report.numFailedTests + broken.length,
    skipped: report.numPendingTests + report.numTodoTests,
  }
}

const NOT_RUN = ['pending', 'skipped', 'todo', 'disabled']

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
  if (json === undefined) return []
  const { testResults }: VitestReport = JSON.parse(json)
  return testResults
    .flatMap((file) => file.assertionResults)
    .filter(({ status }) => NOT_RUN.includes(status))
    .map(({ fullName }) => fullName.trim())
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
