import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Goal } from '@lifeboat/shared/domain/goal.ts'
import { BackupId, RestoreId, SourceId } from '@lifeboat/shared/domain/ids.ts'
import { ClusterLeft, ClusterPlace } from '@lifeboat/shared/domain/restore.ts'
import { Lsn, Timeline } from '@lifeboat/shared/domain/wal.ts'
import { z } from 'zod'
import { writeDurably } from '../../spool/files.ts'

/** What the agent must know of a cluster beside when it is told to go on with it, or starts again. */
export const BesideNote = z.object({
  /** Of the command that made it. */
  restoreId: RestoreId,
  sourceId: SourceId,
  /** `in place`: it waits for the place of the data directory. */
  place: ClusterPlace.default('beside'),
  /** The last of its chain. */
  backupId: BackupId,
  major: z.int(),
  port: z.int(),
  goal: Goal,
  /** Of a backup of a standby. */
  ownEnd: z.object({ timeline: Timeline, end: Lsn, segmentBytes: z.int().positive() }).optional(),
  timeline: Timeline.or(z.literal('current')),
  /** Of the command that moves it or moved it last; absent where none did. */
  movedBy: RestoreId.optional(),
  /** `moving`: a command is at it, or died at it · `broken`: one failed half-way, and nobody knows where it stands. */
  state: z.enum(['paused', 'promoted', 'moving', 'broken']),
  /** Where it stood when it stood last. */
  recovered: ClusterLeft.shape.recovered,
})
export type BesideNote = z.infer<typeof BesideNote>

const NAME = 'lifeboat.json'

/**
 * undefined: nothing was ever recovered there, or not to its end.
 *
 * @throws what kept it from being read, or `isNoNote`
 */
export async function readBeside(folder: string): Promise<BesideNote | undefined> {
  const text = await readFile(join(folder, NAME), 'utf8').catch((thrown: NodeJS.ErrnoException) => {
    if (thrown.code === 'ENOENT') return undefined
    throw thrown
  })
  return text === undefined ? undefined : BesideNote.parse(JSON.parse(text))
}

/** Whether what was read is no note at all; one that could not be read may be of a cluster that is as good as any. */
export function isNoNote(thrown: unknown): boolean {
  return thrown instanceof SyntaxError || thrown instanceof z.ZodError
}

export function writeBeside(folder: string, note: BesideNote): Promise<void> {
  return writeDurably(join(folder, NAME), JSON.stringify(note))
}
