import { generateConfigDocs } from '@lifeboat/config/generate-docs.ts'
import { generateCliDocs } from '../../apps/cli/src/generate-docs.ts'
import { asyncApi } from './asyncapi.ts'
import { busDoc } from './bus-doc.ts'
import { errorsDoc } from './errors-doc.ts'

/** Path below the repository → text. */
export type Generator = () => Record<string, string>

/** Everything that is written by a program and committed all the same, so that it can be read and its changes reviewed. */
export const GENERATORS: readonly Generator[] = [
  () => ({ 'docs/bus.md': busDoc() }),
  () => ({ 'docs/asyncapi.json': asyncApi() }),
  () => ({ 'docs/errors.md': errorsDoc() }),
  generateConfigDocs,
  generateCliDocs,
]
