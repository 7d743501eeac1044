import type { SourceId } from '@lifeboat/shared/domain/ids.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import type { Command } from '../command.ts'
import type { Restorable } from '../restorable.ts'
import { type BesideNote, readBeside } from './beside-note.ts'
import { besideFolders } from './site.ts'

export interface FoundBeside {
  folder: string
  note: BesideNote
}

/** The cluster beside of a source, wherever it lies; undefined: none was recovered to its end. @throws what kept its note from being read */
export async function findBeside(
  of: Pick<Restorable, 'restore' | 'source'>,
  sourceId: SourceId,
): Promise<FoundBeside | undefined> {
  for (const folder of await besideFolders(of, sourceId)) {
    const note = await readBeside(folder)
    if (note) return { folder, note }
  }
  return undefined
}

/** Only in these states a command begins with it; one that was begun goes on unless it is broken. @throws LifeboatError RESTORE_NOTHING_BESIDE */
export async function demandBeside(command: Command, states: readonly BesideNote['state'][]): Promise<FoundBeside> {
  const { sourceId } = command.order
  const found = await findBeside(command, sourceId)
  const begun = command.entry().stage !== 'accepted'
  if (found && (begun ? found.note.state !== 'broken' : states.includes(found.note.state))) return found
  throw new LifeboatError('RESTORE_NOTHING_BESIDE', { sourceId, state: found?.note.state ?? 'none' })
}
