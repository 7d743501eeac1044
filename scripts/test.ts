import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { availableParallelism, tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { takeInventory } from './setup/programs.ts'
import { closingLine, tally } from './test/tally.ts'

/** Everything but the tests themselves; names of the root's scripts, run side by side and cached by turbo. */
const CHECKS = ['types', 'lint', 'arrows', 'dead-code', 'generated']
/** Vitest's own patience for its teardown is ten seconds. */
const FAREWELL_MS = 30_000
/** Debian keeps nats-server there, and an ordinary user's PATH has no such folder. */
const SYSTEM_PROGRAMS = '/usr/sbin'

/**
 * `pnpm test [vitest arguments]`: all checks, then unit, integration and end-to-end tests in one vitest run.
 *
 * Arguments go to vitest (`pnpm test apps/uploader`, `pnpm test --project int -t slot`), and the checks are left out then.
 * Exits 0 only when every check and every test held; a failed check does not keep the tests from running.
 */
async function main(args: readonly string[]): Promise<number> {
  const checks = args.length > 0 ? 0 : await runChecks()
  const tests = await runTests(args)
  if (checks !== 0) console.log(`The checks (${CHECKS.join(', ')}) ended with status ${checks}; see above.`)
  return checks === 0 ? tests : 1
}

function runChecks(): Promise<number> {
  return run('turbo', [
    'run',
    ...CHECKS,
    '--continue',
    `--concurrency=${availableParallelism()}`,
    '--output-logs=errors-only',
  ])
}

async function runTests(args: readonly string[]): Promise<number> {
  const folder = await mkdtemp(join(tmpdir(), 'lifeboat-test-'))
  try {
    const report = join(folder, 'report.json')
    const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${report}`]
    const env = { EXPECT_SUITES: await expectedSuites() }
    const status = await run('vitest', ['run', ...reporters, ...args], env, (child) => endWithReport(child, report))
    const counts = tally(await readFile(report, 'utf8').catch(() => undefined))
    console.log(closingLine(counts))
    return status === 0 && counts.failed > 0 ? 1 : status
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** Setup has brought what these need, so a suite that would skip all the same fails instead. */
async function expectedSuites(): Promise<string> {
  const { postgresMajors } = await takeInventory(searchPath())
  const databases = postgresMajors.map((major) => `pg${major}`)
  return process.env.EXPECT_SUITES ?? ['s3', 'gcs', 'azure', 'filesystem', ...databases].join(',')
}

function searchPath(): string {
  const folders = (process.env.PATH ?? '').split(delimiter)
  return folders.includes(SYSTEM_PROGRAMS) ? folders.join(delimiter) : [...folders, SYSTEM_PROGRAMS].join(delimiter)
}

/** The report is the last thing vitest does; a process some test left behind can keep it from ending, and that must fail the run, not hang it. */
function endWithReport(child: ChildProcess, report: string): void {
  const look = setInterval(() => {
    if (!existsSync(report)) return
    clearInterval(look)
    const late = setTimeout(() => {
      console.error(
        `vitest has not ended ${FAREWELL_MS / 1000} s after its report: some test left a process or a handle behind.`,
      )
      child.kill('SIGKILL')
    }, FAREWELL_MS)
    child.once('exit', () => clearTimeout(late))
  }, 1000)
  child.once('exit', () => clearInterval(look))
}

function run(
  program: string,
  args: readonly string[],
  env: Record<string, string> = {},
  attend: (child: ChildProcess) => void = () => {},
): Promise<number> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { stdio: 'inherit', env: { ...process.env, PATH: searchPath(), ...env } })
    attend(child)
    child.once('error', reject)
    child.once('exit', (code) => resolve(code ?? 1))
  })
}

process.exitCode = await main(process.argv.slice(2))
