import { join } from 'node:path'
import type { ScratchRoom } from '@lifeboat/postgres/scratch/scratch-room.ts'
import { openScratchRoom } from '@lifeboat/postgres/scratch/scratch-room.ts'
import { combineBackups } from '@lifeboat/recovery/extract/combine.ts'
import {
  type Extracted,
  extractBackup,
  forgetOldTablespaces,
  type PhysicalManifest,
} from '@lifeboat/recovery/extract/extract-backup.ts'
import { verifyFiles } from '@lifeboat/recovery/extract/verify-files.ts'
import { demandOf } from '@lifeboat/recovery/preflight.ts'
import { backupBytes } from '@lifeboat/shared/domain/manifest.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import { formatBytes } from '@lifeboat/shared/time/duration.ts'
import type { Drill } from '../../drill.ts'
import { type Asked, passed } from '../../findings.ts'
import { readerOf } from '../../reader.ts'
import type { FetchedChain } from './fetch-chain.ts'

/**
 * A folder with room for the whole chain, and the programs of the very major version: told before the first byte of data is fetched.
 *
 * @throws LifeboatError DRILL_SCRATCH_UNAVAILABLE
 */
export async function openRoom(drill: Drill, { manifests, last, plan }: FetchedChain): Promise<ScratchRoom> {
  const sizes = manifests.map((each) => ({
    databaseBytes: each.summary.databaseBytes,
    artifactBytes: backupBytes(each),
  }))
  const { bytes, major, programs } = demandOf(plan, sizes, last.server.major, 'combined')
  const { scratchPath: root, toolPaths } = drill.deps
  const opts = { root, toolPaths, name: drill.id, major, needBytes: bytes, signal: drill.run.signal }
  const room = await openScratchRoom({ ...opts, tools: [...programs, 'pg_checksums'] })
  if (room.tools.major === major) return room
  await room[Symbol.asyncDispose]()
  const problem = `PostgreSQL ${major} is not installed, and its data directory fits no other`
  throw new LifeboatError('DRILL_SCRATCH_UNAVAILABLE', { problem, package: `postgresql-${major}` })
}

/** The data directory: every backup of the chain extracted and held against the server's own list of files, then put together. */
export async function rebuildCluster(drill: Drill, room: ScratchRoom, { manifests }: FetchedChain): Promise<Extracted> {
  const { findings } = drill
  const chain = manifests.length > 1 ? await room.makeFolder('chain') : undefined
  const extracted: Extracted[] = []
  for (const manifest of manifests) {
    const folder = chain ? join(chain, manifest.backupId) : room.folder
    const one = await findings.during('extract', () => extractOne(drill, room, manifest, folder))
    await findings.during('verify', () => checkFiles(drill, room, one, chain && manifest.backupId))
    await forgetOldTablespaces(one)
    extracted.push(one)
  }
  const [alone] = extracted
  if (!chain && alone) return alone
  return findings.during('combine', () => combineChain(drill, room, extracted))
}

function extractOne(drill: Drill, { account }: ScratchRoom, manifest: PhysicalManifest, folder: string) {
  const subject = manifest.backupId === drill.wish.backupId ? {} : { subject: manifest.backupId }
  return drill.findings.ask({ check: 'restore', ...subject }, async (): Promise<Asked<Extracted>> => {
    const value = await extractBackup(readerOf(drill), manifest, { folder, account })
    const sealed = formatBytes(backupBytes(manifest))
    return {
      value,
      ...passed(`${sealed} of sealed artifacts became ${formatBytes(value.bytes)} in ${value.files} files.`),
    }
  })
}

async function checkFiles(drill: Drill, { tools }: ScratchRoom, of: Extracted, subject: string | undefined) {
  await drill.findings.ask(
    { check: 'backup-manifest', ...(subject && { subject }) },
    async (): Promise<Asked<undefined>> => {
      const { versionLine } = await verifyFiles(of, tools, drill.run)
      drill.tools.pg_verifybackup = versionLine
      return {
        value: undefined,
        ...passed('Every file is the one the server sent, and the WAL inside can be read to its end.'),
      }
    },
  )
}

function combineChain(drill: Drill, room: ScratchRoom, extracted: readonly Extracted[]): Promise<Extracted> {
  return drill.findings.ask({ check: 'combine' }, async (): Promise<Asked<Extracted>> => {
    const value = await combineBackups(extracted, room, room.tools, drill.run)
    drill.tools.pg_combinebackup = value.versionLine
    await verifyFiles(value, room.tools, drill.run)
    return { value, ...passed(`${extracted.length} backups became one, and its files are those it lists.`) }
  })
}
