import { mkdir, statfs } from 'node:fs/promises'
import { join } from 'node:path'
import { type FilesManifest, replayChain } from '@lifeboat/recovery/files/replay-chain.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import { formatBytes } from '@lifeboat/shared/time/duration.ts'
import { checkFile } from '../../checks/file-assertions.ts'
import type { Drill } from '../../drill.ts'
import { readerOf } from '../../reader.ts'
import type { Course } from '../course.ts'
import { fetchFilesChain } from './fetch-files-chain.ts'
import { answerAttributes, answerExtract, answerMembers, answerOwners } from './judge-tree.ts'

/** A tree of files: every archive of its chain is extracted, and the tree held against the lists of what was archived. */
export async function rehearseFiles(drill: Drill, course: Course): Promise<void> {
  const { findings, rules } = drill
  const chain = await findings.during('fetch', () =>
    fetchFilesChain(drill, (sha256) => {
      course.manifestSha256 = sha256
    }),
  )
  const folder = join(drill.workDir, 'tree')
  const replayed = await findings.during('restore', () =>
    findings.ask({ check: 'extract' }, async () => {
      await demandRoom(drill, chain)
      await mkdir(folder, { mode: 0o700 })
      const value = await replayChain(readerOf(drill), chain, { folder, purpose: 'drill' })
      findings.firstAnswerAt = performance.now()
      return { value, ...answerExtract(value) }
    }),
  )
  await findings.during('check', async () => {
    await findings.askAlso({ check: 'members' }, async () => answerMembers(replayed))
    await findings.askAlso({ check: 'owners' }, async () => answerOwners(replayed))
    await findings.askAlso({ check: 'attributes' }, async () => answerAttributes(replayed))
    for (const assertion of rules.files)
      await findings.askAlso({ check: 'assertion', subject: assertion.path }, () => checkFile(folder, assertion))
  })
}

/** @throws LifeboatError DRILL_SCRATCH_UNAVAILABLE */
async function demandRoom({ workDir }: Drill, chain: readonly FilesManifest[]): Promise<void> {
  const { bavail, bsize } = await statfs(workDir)
  // Sparse files take less; the largest of the chain is no less than what its tree takes in the end.
  const needed = Math.max(...chain.map(({ artifacts }) => artifacts.reduce((sum, { bytes }) => sum + bytes, 0)))
  if (bavail * bsize > needed) return
  const problem = `not enough room: ${formatBytes(bavail * bsize)} are free, ${formatBytes(needed)} are needed at least`
  throw new LifeboatError('DRILL_SCRATCH_UNAVAILABLE', { problem })
}
