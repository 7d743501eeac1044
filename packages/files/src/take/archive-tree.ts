import { closeSync, createReadStream } from 'node:fs'
import { zstdCompressSync } from 'node:zlib'
import { openPipe } from '@lifeboat/postgres/pipeline/open-pipe.ts'
import { runPipeline, type Sink } from '@lifeboat/postgres/pipeline/run-pipeline.ts'
import type { Stage, StageReceipt } from '@lifeboat/postgres/tools/stage.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import type { Run } from '@lifeboat/shared/run/run.ts'
import { endingTogether } from '@lifeboat/shared/run/together.ts'
import { GateReport } from '../gate/gate-report.ts'
import { leftLine } from '../member-line.ts'
import { type Notices, noteFile, readNotice, type Said } from './notices.ts'
import { archiveGateStage, type SnapshotToMake } from './tar-create.ts'

export interface ArchiveTree<T> {
  /** See tar-create.ts. */
  tar: Stage
  /** Names tar begins with. */
  points: readonly Buffer[]
  /** What was left out before tar began; stands in the list too. */
  left: readonly Said[]
  /** Of zstd, for the archive. */
  level: number
  /** The snapshot to be made of a full archive; tar makes that of an incremental one. */
  snapshot?: SnapshotToMake
  archive: Sink<T>
  list: Sink<T>
}

export interface ArchivedTree<T> {
  archive: T
  list: T
  report: GateReport
  notices: Notices
  stages: StageReceipt[]
}

/**
 * Archives a tree and, while it passes, the list of its members, each straight into its sink.
 *
 * @throws LifeboatError ARTIFACT_TRUNCATED – tar exited well, and yet its archive has no end · TOOL_… · what a sink throws
 */
export async function archiveTree<T>(
  { tar, points, left, level, snapshot, archive, list }: ArchiveTree<T>,
  run: Pick<Run, 'signal' | 'log'>,
): Promise<ArchivedTree<T>> {
  const { joint, failing } = endingTogether(run)
  const notices: Notices = {}
  const absent: Said[] = [...left]
  for (const { notice, name } of left) noteFile(notices, notice, name)
  const onStderr = (tool: string, line: string) => {
    const said = tool === 'tar' ? readNotice(line) : undefined
    if (said === undefined) return
    noteFile(notices, said.notice, said.name)
    if (isAbsent(said)) absent.push(said)
  }
  const pipe = openPipe()
  const stages = [tar, archiveGateStage({ level, list: pipe.write, ...(snapshot && { snapshot }) })]
  const accept = (receipts: readonly StageReceipt[]) => void acceptReport(receipts)
  const archiving = failing(runPipeline(stages, archive, joint, { input: ended(points), onStderr, accept }))
  closeSync(pipe.write)
  const members = createReadStream('', { fd: pipe.read })
  // A sink that fails before its first byte never reads from it, and nobody else would close it.
  using _closing = { [Symbol.dispose]: () => void members.destroy() }
  const lines = async function* () {
    yield* members as AsyncIterable<Buffer>
    // All of it was said before the archive counts as whole.
    await archiving
    const further = absent.map(({ notice, name }) => leftLine(name.toString('latin1'), notice)).join('')
    // One more frame behind those that came.
    if (further !== '') yield zstdCompressSync(further)
  }
  const listing = failing(list(lines()))
  const [archived, listed] = await Promise.allSettled([archiving, listing])
  joint.signal.throwIfAborted()
  if (archived.status === 'rejected') throw archived.reason
  if (listed.status === 'rejected') throw listed.reason
  const report = acceptReport(archived.value.stages)
  if (report.secrets.count > 0) notices.secret = report.secrets
  if (report.exposed.count > 0) notices['exposed-secret'] = report.exposed
  if (report.mounts.count > 0) notices['other-filesystem'] = report.mounts
  const receipts = archived.value.stages
  return { archive: archived.value.result, list: listed.value, report, notices, stages: receipts }
}

function acceptReport(receipts: readonly StageReceipt[]): GateReport {
  const text = receipts.find(({ report }) => report !== undefined)?.report
  const report = GateReport.parse(JSON.parse(text ?? 'null'))
  if (report.problem === undefined) return report
  const stderr = receipts[0]?.stderr.slice(-2000)
  throw new LifeboatError('ARTIFACT_TRUNCATED', { tool: 'tar', problem: report.problem, stderr })
}

function isAbsent({ notice }: Said): boolean {
  return notice !== 'changed' && notice !== 'other-filesystem'
}

async function* ended(points: readonly Buffer[]): AsyncGenerator<Buffer> {
  for (const point of points) yield Buffer.concat([point, Buffer.alloc(1)])
}
