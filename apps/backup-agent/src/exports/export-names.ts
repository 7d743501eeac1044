import { createHash } from 'node:crypto'
import type { ArtifactName } from '@lifeboat/shared/domain/ids.ts'

const SUFFIX = '.csv.zst.age'
const LONGEST = 80

/**
 * `public.validation_results.csv.zst.age`. A name that cannot stand in a key or in a file system that knows no capitals is spelled as far as it
 * goes, with eight digits of its hash behind it, so that no two tables ever share one.
 *
 * @param schema undefined for a query
 */
export function csvArtifact({ schema, name }: { schema?: string | undefined; name: string }): ArtifactName {
  const parts = schema === undefined ? ['query', name] : [schema, name]
  const plain = parts.join('.')
  const isSafe = parts.every((part) => /^[a-z0-9_][a-z0-9_-]*$/.test(part)) && /^[a-z0-9]/.test(plain)
  if (isSafe && plain.length <= LONGEST) return `${plain}${SUFFIX}` as ArtifactName
  const hash = createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, 8)
  const spelled = parts.map((part) => part.toLowerCase().replaceAll(/[^a-z0-9_-]+/g, '_')).join('.')
  return `${`x${spelled}`.slice(/^[a-z0-9]/.test(spelled) ? 1 : 0).slice(0, LONGEST)}-${hash}${SUFFIX}` as ArtifactName
}
