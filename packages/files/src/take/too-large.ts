import type { FilesSourceConfig } from '../source-config.ts'
import { walkTree } from './walk-tree.ts'

/** Files beyond the size a source allows. */
export async function findTooLarge(
  source: FilesSourceConfig,
  points: readonly Buffer[],
  signal: AbortSignal,
): Promise<Buffer[]> {
  const { maxFileBytes } = source
  const found: Buffer[] = []
  if (maxFileBytes === undefined) return found
  await walkTree(
    source,
    points,
    (name, stat) => {
      if (stat.isFile() && stat.size > maxFileBytes) found.push(name)
    },
    signal,
  )
  return found
}
