import { configReference } from './docs/config-reference.ts'
import { editorSchema } from './docs/editor-schema.ts'

/** What is written down about lifeboat.yaml: path below the repository → text. */
export function generateConfigDocs(): Record<string, string> {
  return {
    'docs/lifeboat.schema.json': `${JSON.stringify(editorSchema(), null, 2)}\n`,
    'docs/config.md': configReference(),
  }
}
