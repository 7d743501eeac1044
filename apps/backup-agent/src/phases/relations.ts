import { type ListedRelations, listRelations } from '@lifeboat/postgres/list-relations.ts'
import type { ArtifactName } from '@lifeboat/shared/domain/ids.ts'
import type { Artifact } from '@lifeboat/shared/domain/manifest.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import type { BackupRun } from '../backup-run.ts'
import type { BaseToolbox } from '../toolbox.ts'
import { sealText } from './seal-text.ts'

const LOGGED = 10

/**
 * Which files hold which tables, so that a restore of some tables need not write all others. Before the base begins: what is made later is in no
 * list, and so is nothing a restore would do without.
 *
 * @returns undefined where nobody could be asked: the backup is as good without, and restores of tables take all of it
 * @throws LifeboatError TOOL_… | SPOOL_… · the signal's reason
 */
export async function sealRelations(
  run: BackupRun,
  tools: BaseToolbox,
  name: ArtifactName,
): Promise<Artifact | undefined> {
  const listed = await list(run)
  if (!listed) return undefined
  const { left, text } = listed
  if (left.length > 0)
    run.log.info(
      { event: 'backup.relations_left', databases: left.length, first: left.slice(0, LOGGED) },
      'tables of some databases could not be listed',
    )
  return sealText(run, tools, { name, role: 'relations', text, from: 'json' })
}

async function list(run: BackupRun): Promise<ListedRelations | undefined> {
  const { source, applicationName, signal, log } = run
  try {
    return await listRelations(source.connection, { applicationName: `${applicationName} relations`, signal })
  } catch (thrown) {
    signal.throwIfAborted()
    log.warn({ event: 'backup.relations_unlisted', err: LifeboatError.from(thrown) }, 'tables could not be listed')
    return undefined
  }
}
