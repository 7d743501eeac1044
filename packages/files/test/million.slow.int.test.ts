import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, existsSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import { setTimeout } from 'node:timers/promises'
import { orNotRun } from '@lifeboat/testkit/conditions.ts'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { GateReport } from '../src/gate/gate-report.ts'
import { archiveGateStage, tarCreate } from '../src/take/tar-create.ts'

const isAble = process.env.SLOW === '1' && existsSync('/proc/self/status')
const slow = orNotRun(isAble, 'a tree of a million files', 'minutes (`pnpm test:slow`), and Linux')

const PER_FOLDER = 1_000
let folder: string
/** The first hundred thousand have a folder of their own. */
beforeAll(() => {
  if (!slow) return
  folder = mkdtempSync(join(tmpdir(), 'lifeboat-million-'))
  for (let no = 0; no < 1_000_000; no++) {
    const into = join(folder, no < 100_000 ? 'tree/tenth' : 'tree/rest', String(Math.floor(no / PER_FOLDER)))
    if (no % PER_FOLDER === 0) mkdirSync(into, { recursive: true })
    closeSync(openSync(join(into, `file-${no}`), 'w'))
  }
}, 1_800_000)
afterAll(() => {
  if (slow) rmSync(folder, { recursive: true })
})

interface Packed {
  report: GateReport
  lines: number
  /** Folders in the snapshot for later archives. */
  remembered: number
  peakKiB: { tar: number; gate: number }
}

async function pack(root: string): Promise<Packed> {
  const path = join(folder, 'snapshot')
  const snapshot = { path, root, startedMs: Date.now() + 10_000, oneFilesystem: true }
  const tarStage = tarCreate({ program: 'tar', root, oneFilesystem: true, excludes: [], attributes: true })
  const gateStage = archiveGateStage({ level: 3, list: 4, snapshot })
  const tar = spawn(tarStage.program, tarStage.args, { stdio: ['pipe', 'pipe', 'inherit'] })
  const gate = spawn(gateStage.program, gateStage.args, { stdio: [tar.stdout, 'ignore', 'inherit', 'pipe', 'pipe'] })
  tar.stdout.destroy()
  tar.stdin.end('.\0')
  const peaks = Promise.all([peakOf(tar), peakOf(gate)])
  const [report, list] = await Promise.all([3, 4].map((fd) => buffer(gate.stdio[fd] as NodeJS.ReadableStream)))
  const [tarPeak, gatePeak] = await peaks
  return {
    report: GateReport.parse(JSON.parse(String(report))),
    lines: unpacked(list as Buffer).reduce((lines, byte) => lines + (byte === 0x0a ? 1 : 0), 0),
    remembered: readFileSync(path, 'latin1').split('\0\0\0').length - 1,
    peakKiB: { tar: tarPeak as number, gate: gatePeak as number },
  }
}

/** Of as many frames as the list has. */
function unpacked(list: Buffer): Buffer {
  return execFileSync('zstd', ['-dc'], { input: list, maxBuffer: 1e9 })
}

/** The most a program ever held, as the kernel counts it. */
async function peakOf(child: ChildProcess): Promise<number> {
  const exited = once(child, 'exit')
  let peak = 0
  while (child.exitCode === null) {
    const status = await Promise.resolve()
      .then(() => readFileSync(`/proc/${child.pid}/status`, 'utf8'))
      .catch(() => '')
    peak = Math.max(peak, Number(/VmHWM:\s+(\d+)/.exec(status)?.[1] ?? 0))
    await setTimeout(50)
  }
  await exited
  return peak
}

test.runIf(slow)(
  'a million files are listed and remembered in little more memory than a tenth of them takes',
  async () => {
    const tenth = await pack(join(folder, 'tree/tenth'))
    const all = await pack(join(folder, 'tree'))
    expect([tenth.report.files, tenth.lines]).toEqual([100_000, 100_101])
    expect(all.report).toMatchObject({ files: 1_000_000, folders: 1_003, mounts: { count: 0 } })
    expect(all.report.problem).toBeUndefined()
    expect([all.lines, all.remembered]).toEqual([1_001_003, 1_003])
    const seen = JSON.stringify([tenth.peakKiB, all.peakKiB])
    // What grew with the files would be ten times as much. tar itself remembers some ninety bytes of each.
    expect(all.peakKiB.gate, `gate: ${seen}`).toBeLessThan(2.5 * tenth.peakKiB.gate)
    expect(all.peakKiB.tar, `tar: ${seen}`).toBeLessThan(tenth.peakKiB.tar + (900_000 * 160) / 1024)
  },
  1_800_000,
)
