import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { closeSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { GateReport } from '../src/gate/gate-report.ts'

const GATE = fileURLToPath(new URL('../src/gate/gate-main.ts', import.meta.url))
/** More than the gate holds at any time, and no shorter when it is compressed. */
const contents = randomBytes(120_000_000)

let folder: string
let archive: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'lifeboat-gate-'))
  archive = join(folder, 'archive')
  mkdirSync(join(folder, 'tree'))
  writeFileSync(join(folder, 'tree/large'), contents)
  writeFileSync(join(folder, 'tree/small'), 'small')
  // In records as long as the pieces the gate reads: the last piece is full.
  const how = ['--format=posix', '--blocking-factor=16384', '--sort=name', '-C', join(folder, 'tree')]
  execFileSync('tar', ['--create', `--file=${archive}`, ...how, '.'])
})
afterAll(() => rmSync(folder, { recursive: true }))

interface Passed {
  report: GateReport
  lines: { name: string; sha256?: string }[]
  archive: Buffer
}

/** Through pipes, as between the programs of a backup; what reads the archive begins late. */
function pass(input: string): Passed {
  const [report, list, output] = ['report', 'list', 'output'].map((name) => join(folder, name)) as [
    string,
    string,
    string,
  ]
  const script = 'cat "$1" | "$2" "$3" 3> "$4" 4> "$5" | { sleep 1; zstd -dc; } > "$6"'
  execFileSync('bash', ['-euo', 'pipefail', '-c', script, '-', input, process.execPath, GATE, report, list, output])
  const lines = execFileSync('zstd', ['-dc', list], { encoding: 'utf8' }).split('\n').filter(Boolean)
  return {
    report: GateReport.parse(JSON.parse(readFileSync(report, 'utf8'))),
    lines: lines.map((line) => JSON.parse(line)),
    archive: readFileSync(output),
  }
}

function start(stdin: 'pipe' | number, args: readonly string[] = []): ChildProcess {
  return spawn(process.execPath, [GATE, ...args], { stdio: [stdin, 'pipe', 'pipe', 'ignore', 'ignore'] })
}

/** Of a program whose input never ends. */
async function withEndlessInput(
  args: readonly string[],
  use: (gate: ChildProcess) => void,
): Promise<[unknown, string]> {
  const endless = openSync('/dev/urandom', 'r')
  try {
    return await endOf(start(endless, args), use)
  } finally {
    closeSync(endless)
  }
}

/** Exit code or signal, and what it said. */
async function endOf(gate: ChildProcess, use: (gate: ChildProcess) => void): Promise<[unknown, string]> {
  use(gate)
  const [[code, signal], said] = await Promise.all([once(gate, 'exit'), text(gate.stderr as NodeJS.ReadableStream)])
  gate.stdout?.destroy()
  return [code ?? signal, said]
}

test('an archive longer than what is held of it comes out as it went in, and is listed, however late its reader begins', () => {
  const passed = pass(archive)
  expect(passed.archive.equals(readFileSync(archive))).toBe(true)
  expect(passed.report).toMatchObject({ files: 2, folders: 1, bytes: contents.length + 5 })
  expect(passed.report.problem).toBeUndefined()
  expect(passed.lines.map(({ name }) => name)).toEqual(['.', './large', './small'])
  expect(passed.lines[1]?.sha256).toBe(createHash('sha256').update(contents).digest('hex'))
})

test('an archive that is cut, or has no byte, is reported as such', () => {
  const cut = join(folder, 'cut')
  for (const length of [0, 1_000_000, 8 * 1024 * 1024]) {
    writeFileSync(cut, readFileSync(archive).subarray(0, length))
    const passed = pass(cut)
    expect(passed.archive).toHaveLength(length)
    expect(passed.report.problem).toBe('it ends before its end')
  }
})

test('what cannot be read fails it', async () => {
  const unreadable = openSync(folder, 'r')
  const [code, said] = await endOf(start(unreadable), () => {})
  closeSync(unreadable)
  expect([code, said]).toEqual([1, expect.stringContaining('EISDIR')])
})

test('when its reader hangs up it ends like a program killed by SIGPIPE, though more would come', async () => {
  const [code] = await withEndlessInput([], (gate) => void gate.stdout?.destroy())
  expect(code).toBe(141)
})

test('a snapshot that cannot be written fails it, though more would come', async () => {
  const [code, said] = await withEndlessInput([`--snapshot=${folder}/none/snapshot`], () => {})
  expect([code, said]).toEqual([1, expect.stringContaining('ENOENT')])
})

test('told to stop it ends, whether it waits for its input or for its reader', async () => {
  const idle = start('pipe')
  const [signal] = await endOf(idle, (gate) => void gate.stdin?.write('x', () => gate.kill('SIGTERM')))
  expect(signal).toBe('SIGTERM')
  const [busy] = await withEndlessInput([], (gate) => {
    gate.stdout?.once('readable', () => gate.kill('SIGTERM'))
  })
  expect(busy).toBe('SIGTERM')
})
