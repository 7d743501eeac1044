import { TableExport } from '@lifeboat/shared/domain/table-export.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'

/** What lies beside the CSV files. @throws LifeboatError ARTIFACT_UNREADABLE */
export function parseSidecar(text: string): TableExport {
  try {
    return TableExport.parse(JSON.parse(text))
  } catch (cause) {
    const problem = 'it is no description of tables'
    throw new LifeboatError('ARTIFACT_UNREADABLE', { artifact: 'tables.json', problem }, { cause })
  }
}
