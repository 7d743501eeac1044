import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, existsSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import { setTimeout } from 'node:timers/promises'
import { zstdDecompressSync } from 'node:zlib'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { GateReport } from '../src/gate/gate-report.ts'
import { archiveGateStage, tarCreate } from '../src/take/tar-create.ts'

const slow = process.env.SLOW === '1' && existsSync('/proc/self/status')
if (!slow) console.warn('NOT RUN: a tree of a million files. It takes minutes, and Linux; `pnpm test:slow` runs it.')

const PER_FOLDER = 1_000
const folder = mkdtempSync(join(tmpdir(), 'lifeboat-million-'))
/** The first hundred thousand have a folder of their own. */
beforeAll(() => {
  if (!slow) return
  for (let no = 0; no < 1_000_000; no++) {
    const into = join(folder, no < 100_000 ? 'tree/tenth' : 'tree/rest', String(Math.floor(no / PER_FOLDER)))
    if (no % PER_FOLDER === 0) mkdirSync(into, { recursive: true })
    closeSync(openSync(join(into, `file-${no}`), 'w'))
  }
}, 600_000)
afterAll(() => rmSync(folder, { recursive: true }))

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
    lines: zstdDecompressSync(list as Buffer).reduce((lines, byte) => lines + (byte === 0x0a ? 1 : 0), 0),
    remembered: readFileSync(path, 'latin1').split('\0\0\0').length - 1,
    peakKiB: { tar: tarPeak as number, gate: gatePeak as number },
  }
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
  'a million files are listed and remembered, in the memory a tenth of them takes',
  async () => {
    const tenth = await pack(join(folder, 'tree/tenth'))
    const all = await pack(join(folder, 'tree'))
    expect([tenth.report.files, tenth.lines]).toEqual([100_000, 100_101])
    expect(all.report).toMatchObject({ files: 1_000_000, folders: 1_003, mounts: { count: 0 } })
    expect(all.report.problem).toBeUndefined()
    expect([all.lines, all.remembered]).toEqual([1_001_003, 1_003])
    for (const each of ['tar', 'gate'] as const)
      expect(all.peakKiB[each], `${each}: ${JSON.stringify([tenth.peakKiB, all.peakKiB])}`).toBeLessThan(
        1.3 * tenth.peakKiB[each] + 8 * 1024,
      )
  },
  600_000,
)
