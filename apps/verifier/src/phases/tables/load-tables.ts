import { drain } from '@lifeboat/postgres/pipeline/drain.ts'
import type { ScratchServer } from '@lifeboat/postgres/scratch/scratch-server.ts'
import { copyIn } from '@lifeboat/postgres/table-export/copy.ts'
import { unseal } from '@lifeboat/recovery/fetch/unseal.ts'
import type { Artifact, Manifest, OfServer } from '@lifeboat/shared/domain/manifest.ts'
import type { TableExport } from '@lifeboat/shared/domain/table-export.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import type { Drill } from '../../drill.ts'
import { type Asked, passed } from '../../findings.ts'
import { readerOf } from '../../reader.ts'

/** Every file into its table; the server takes every row of a file or none. */
export async function loadTables(
  drill: Drill,
  scratch: ScratchServer,
  manifest: Manifest & OfServer,
  of: TableExport,
): Promise<void> {
  await drill.findings.ask({ check: 'restore' }, async (): Promise<Asked<undefined>> => {
    const psql = await scratch.tools.program('psql')
    drill.tools.psql = psql.versionLine
    for (const table of of.tables) {
      const artifact = manifest.artifacts.find(({ name }) => name === table.artifact) as Artifact
      const load = copyIn(table, {
        program: psql.path,
        connection: scratch.connection(manifest.database),
        applicationName: 'lifeboat drill',
        encoding: of.encoding,
      })
      try {
        await unseal(readerOf(drill), manifest, artifact, { further: [load], sink: drain, phase: 'restore' })
      } catch (thrown) {
        drill.run.signal.throwIfAborted()
        throw (await scratch.trouble()) ?? refused(thrown, table.title)
      }
    }
    const detail = `The server accepted every row of ${of.tables.length} table${of.tables.length === 1 ? '' : 's'}.`
    return { value: undefined, ...passed(detail) }
  })
}

/** What psql says to rows that do not fit their table is the copy's fault, whatever words it has for it. */
function refused(thrown: unknown, table: string): LifeboatError {
  const err = LifeboatError.from(thrown)
  const byServer = err.facts.tool === 'psql' && err.code !== 'TOOL_KILLED' && err.code !== 'TOOL_MISSING'
  return byServer ? new LifeboatError('DRILL_RESTORE_FAILED', { ...err.facts, problem: table }, { cause: err }) : err
}
