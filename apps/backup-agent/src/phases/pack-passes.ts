import { type Inodes, readInodes, rotatedBetween } from '@lifeboat/files/take/rotation.ts'
import { findTooLarge } from '@lifeboat/files/take/too-large.ts'
import type { BackupRun } from '../backup-run.ts'
import type { FileSource } from '../config.ts'
import { type Packed, type Pass, packFiles } from './files.ts'

/** Logs that are rotated faster than they are read stay as the last pass found them. */
const PASSES = 4

/**
 * Packs a tree; of logs as often as files were renamed or cut while they were read. Each further pass is incremental to the one before, so extracted
 * in order they are the tree as the last one found it: no line twice, none lost between two names.
 */
export async function packPasses(run: BackupRun<FileSource>, what: Omit<Pass, 'pass' | 'tooLarge'>): Promise<Packed[]> {
  const { source, points } = what
  const passes: Packed[] = []
  let before = source.rotating ? await readInodes(source, points, run.signal) : undefined
  for (let pass = 1; pass <= PASSES; pass++) {
    const tooLarge = await findTooLarge(source, points, run.signal)
    passes.push(await packFiles(run, { ...what, tooLarge, pass }))
    if (before === undefined) return passes
    const after: Inodes = await readInodes(source, points, run.signal)
    const rotated = rotatedBetween(before, after)
    if (rotated === undefined) return passes
    run.log.info({ event: 'backup.rotated', pass, rotated }, 'files were rotated while they were read; reads again')
    before = after
  }
  return passes
}
