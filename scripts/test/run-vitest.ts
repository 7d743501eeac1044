import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { UNCAUGHT } from './uncaught-reporter.ts'

/** Vitest's own patience for its teardown is ten seconds. */
const FAREWELL_MS = 30_000
/** Debian keeps nats-server there, and an ordinary user's PATH has no such folder. */
const SYSTEM_PROGRAMS = '/usr/sbin'
/** From the project's folder, which every run starts in. */
const UNCAUGHT_REPORTER = './scripts/test/uncaught-reporter.ts'

/** How one vitest run ended. */
export interface Ended {
  status: number
  /** Vitest's JSON report; absent when it died before it wrote one. */
  report: string | undefined
  /** What failed the run although no test did, in words: errors that no test caught, or a vitest that would not end. */
  uncaught: string[]
}

/** Where vitest runs, when it is not simply here. */
export interface Elsewhere {
  /** The command line that starts `command` there. */
  enter: (command: readonly string[]) => [program: string, args: string[]]
  /** A folder that has the same relative name there. */
  shared: string
}

/** Runs vitest in the project's folder and returns its report, which is removed. */
export async function runVitest(args: readonly string[], elsewhere?: Elsewhere): Promise<Ended> {
  if (elsewhere !== undefined) await mkdir(elsewhere.shared, { recursive: true })
  const folder = await mkdtemp(join(elsewhere?.shared ?? tmpdir(), 'lifeboat-test-'))
  try {
    const report = join(folder, 'report.json')
    const reporters = [
      '--reporter=default',
      '--reporter=json',
      `--outputFile.json=${report}`,
      `--reporter=${UNCAUGHT_REPORTER}`,
    ]
    const command = ['run', ...reporters, ...args]
    const [program, programArgs] = elsewhere?.enter(['vitest', ...command]) ?? ['vitest', command]
    const uncaught: string[] = []
    const status = await run(program, programArgs, (child) =>
      endWithReport(child, report, (late) => uncaught.push(late)),
    )
    const errors: string[] = JSON.parse(await readFile(report + UNCAUGHT, 'utf8').catch(() => '[]'))
    return { status, report: await readFile(report, 'utf8').catch(() => undefined), uncaught: [...errors, ...uncaught] }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** Runs a program with this terminal as its own, and returns its exit status. */
export function run(
  program: string,
  args: readonly string[],
  attend: (child: ChildProcess) => void = () => {},
): Promise<number> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { stdio: 'inherit', env: { ...process.env, PATH: searchPath() } })
    attend(child)
    child.once('error', reject)
    child.once('exit', (code) => resolve(code ?? 1))
  })
}

export function searchPath(): string {
  const folders = (process.env.PATH ?? '').split(delimiter)
  return folders.includes(SYSTEM_PROGRAMS) ? folders.join(delimiter) : [...folders, SYSTEM_PROGRAMS].join(delimiter)
}

/** The report is the last thing vitest does; a process some test left behind can keep it from ending, and that must fail the run, not hang it. */
function endWithReport(child: ChildProcess, report: string, tell: (late: string) => void): void {
  const look = setInterval(() => {
    if (!existsSync(report)) return
    clearInterval(look)
    const late = setTimeout(() => {
      tell(
        `vitest has not ended ${FAREWELL_MS / 1000} s after its report: some test left a process or a handle behind.`,
      )
      child.kill('SIGKILL')
    }, FAREWELL_MS)
    child.once('exit', () => clearTimeout(late))
  }, 1000)
  child.once('exit', () => clearInterval(look))
}
