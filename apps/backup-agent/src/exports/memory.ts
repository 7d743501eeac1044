import { mkdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { BackupId, Moment, type PolicyId, type SourceId } from '@lifeboat/shared/domain/ids.ts'
import { z } from 'zod'
import { inSpool, unlessAbsent, writeDurably } from '../spool/files.ts'

const RememberedTable = z.object({
  title: z.string(),
  columns: z.array(z.string()),
  /** Digest of columns, types, constraints, or of the query. */
  definition: z.string(),
  rows: z.int(),
  hash: z.string(),
})
export type RememberedTable = z.infer<typeof RememberedTable>

/** What an agent knows of its last export: it holds no key to read the export itself. Counts and hashes, no contents. */
const Remembered = z.object({
  format: z.literal(1),
  backupId: BackupId,
  takenAt: Moment,
  settings: z.string(),
  tables: z.array(RememberedTable),
})
export type Remembered = z.infer<typeof Remembered>

export interface ExportMemory {
  /** undefined also for one that cannot be read any more: then everything is exported again. */
  read(): Promise<Remembered | undefined>
  write(remembered: Remembered): Promise<void>
}

/** The memory of one policy and source, beside the backups of the spool. */
export async function exportMemory(
  spoolPath: string,
  of: { policyId: PolicyId; sourceId: SourceId },
): Promise<ExportMemory> {
  const folder = join(spoolPath, 'exports')
  await inSpool(() => mkdir(folder, { recursive: true, mode: 0o700 }))
  const path = join(folder, `${of.policyId}.${of.sourceId}.json`)
  return {
    async read() {
      const text = await unlessAbsent(path, readFile(path, 'utf8'))
      return text === undefined ? undefined : parse(text)
    },
    write: (remembered) => writeDurably(path, JSON.stringify(remembered)),
  }
}

function parse(text: string): Remembered | undefined {
  try {
    return Remembered.safeParse(JSON.parse(text)).data
  } catch {
    return undefined
  }
}
