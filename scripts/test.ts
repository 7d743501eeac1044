import { availableParallelism } from 'node:os'
import { takeInventory } from './setup/programs.ts'
import { neverRan } from './test/never-ran.ts'
import { runOnMajor, STORIES } from './test/on-major.ts'
import { type Ended, run, runVitest, searchPath } from './test/run-vitest.ts'
import { add, type Counts, closingLine, failures, leftOut, suitesThatRan, tally } from './test/tally.ts'

/** Everything but the tests themselves; names of the root's scripts, run side by side and cached by turbo. */
const CHECKS = ['types', 'lint', 'arrows', 'dead-code', 'generated']
const ALSO_ON = '--also-on='

/** What the tests on one PostgreSQL came to. */
interface Outcome {
  /** A line for all that failed it; none when it held. */
  wrong: string[]
  counts: Counts
  /** Names that `EXPECT_SUITES` may ask for: `s3`, `azure`, …, and `pg17` for the major all of it ran on. */
  ran: string[]
  /** Vitest's own, if there is one. */
  report: string | undefined
}

/**
 * `pnpm test [--also-on=17,18] [vitest arguments]`: all checks, then unit, integration and end-to-end tests in one vitest run.
 *
 * `--also-on` runs the stories that depend on the PostgreSQL major on further majors, each in a Debian root of its own; where no root
 * can be made it says so. Other arguments go to vitest (`pnpm test apps/uploader -t slot`), and the checks are left out then.
 * Exits 0 only when every check and every test held and every suite named in `EXPECT_SUITES` (`s3,pg15,pg17`) ran; a failure of
 * one does not keep the others from running. Where suites are expected and no test is picked by an argument, every test is: one that
 * was left out everywhere fails too, unless it is excused (`test/never-ran.ts`). The last lines name all that failed and count all tests.
 */
async function main(args: readonly string[]): Promise<number> {
  const majors = args.filter((arg) => arg.startsWith(ALSO_ON)).flatMap((arg) => arg.slice(ALSO_ON.length).split(','))
  const forVitest = args.filter((arg) => !arg.startsWith(ALSO_ON))
  const checks = forVitest.length > 0 ? 0 : await runChecks()
  const outcomes = [await testHere(forVitest)]
  for (const major of majors) outcomes.push(await testOn(major))
  const expected = expectedSuites()
  const absent = expected.filter((suite) => !outcomes.some(({ ran }) => ran.includes(suite)))
  const all = expected.length > 0 && forVitest.length === 0
  const unexcused = all ? neverRan(outcomes.map(({ report }) => report)) : []
  if (checks !== 0) console.log(`The checks (${CHECKS.join(', ')}) ended with status ${checks}; see above.`)
  if (absent.length > 0) console.log(`Expected, and not one test of it passed: ${absent.join(', ')}.`)
  for (const test of unexcused) console.log(`Expected, and left out everywhere: ${test}`)
  for (const line of outcomes.flatMap(({ wrong }) => wrong)) console.log(line)
  const missed = absent.length + unexcused.length
  console.log(closingLine(outcomes.map(({ counts }) => counts).reduce(add, { passed: 0, failed: missed, skipped: 0 })))
  return checks === 0 && missed === 0 && outcomes.every(({ wrong }) => wrong.length === 0) ? 0 : 1
}

function runChecks(): Promise<number> {
  const concurrency = `--concurrency=${availableParallelism()}`
  return run('turbo', ['run', ...CHECKS, '--continue', concurrency, '--output-logs=errors-only'])
}

async function testHere(args: readonly string[]): Promise<Outcome> {
  const { postgresMajors } = await takeInventory(searchPath())
  // Tests take the newest server there is.
  return outcome(await runVitest(args), `pg${postgresMajors.at(-1)}`)
}

async function testOn(major: string): Promise<Outcome> {
  console.log(`\nThe stories that depend on the major, on PostgreSQL ${major}`)
  const ended = await runOnMajor(major, STORIES)
  if (!('notRun' in ended)) return outcome(ended, `pg${major}`)
  console.log(`NOT RUN: PostgreSQL ${major}. ${ended.notRun}`)
  return { wrong: [], counts: { passed: 0, failed: 0, skipped: 1 }, ran: [], report: undefined }
}

function outcome({ status, report, uncaught }: Ended, major: string): Outcome {
  const inTests = tally(report)
  const counts = { ...inTests, failed: inTests.failed + uncaught.length }
  const ran = suitesThatRan(report)
  for (const title of leftOut(report)) console.log(`NOT RUN on ${major}: ${title}`)
  console.log(`${major}: ${closingLine(counts)}`)
  const wrong = [...failures(report), ...uncaught.map((error) => `outside every test: ${error}`)]
  if (status !== 0 && wrong.length === 0)
    wrong.push(`vitest ended with status ${status} and its report tells no failure`)
  return {
    wrong: wrong.map((what) => `FAILED on ${major}: ${what}`),
    counts,
    ran: ran.length > 0 ? [...ran, major] : [],
    report,
  }
}

function expectedSuites(): string[] {
  return (process.env.EXPECT_SUITES ?? '').split(',').filter(Boolean)
}

process.exitCode = await main(process.argv.slice(2))
