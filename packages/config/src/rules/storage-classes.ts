import type { Finding } from '../problems.ts'
import type { Rule } from '../references.ts'
import { block, blocks, text } from './raw.ts'

/**
 * Classes that bill a minimum age and size, or a fee for each read.
 *
 * @see https://aws.amazon.com/s3/storage-classes/ · https://cloud.google.com/storage/docs/storage-classes · https://learn.microsoft.com/azure/storage/blobs/access-tiers-overview
 */
const INFREQUENT = new Set(
  'STANDARD_IA ONEZONE_IA GLACIER_IR GLACIER DEEP_ARCHIVE NEARLINE COLDLINE ARCHIVE COOL COLD'.split(' '),
)
const OFFLINE = new Set(['GLACIER', 'DEEP_ARCHIVE'])

/** What is small, read often or gone soon does not belong where reading costs and age is billed; what is read in a disaster must be there at once. */
export const storageClassFindings: Rule = (raw) =>
  blocks(raw, 'targets').flatMap(([id, target]) =>
    Object.entries(block(target.storageClass)).flatMap(([role, given]): Finding[] => {
      const name = text(given)?.toUpperCase() ?? ''
      const path = ['targets', id, 'storageClass', role]
      if (OFFLINE.has(name))
        return [{ severity: 'error', path, message: `${name} cannot be read for hours`, hint: OFFLINE_HINT }]
      if (role === 'part' || !INFREQUENT.has(name)) return []
      const message = `${given} bills a minimum age and size, wrong for ${WHAT[role] ?? role}`
      return [{ severity: 'error', path, message, hint: 'Leave it out here; `part` is what such a class is for.' }]
    }),
  )

const WHAT: Record<string, string> = {
  wal: 'WAL, which comes in small pieces and goes soon',
  manifest: 'manifests, which are small and read at every look',
  document: 'documents, which are small',
  evidence: 'evidence, which is small',
  marker: 'markers, which are small',
}
const OFFLINE_HINT = 'A restore would wait for it. Use a class that answers at once, e.g. GLACIER_IR or STANDARD_IA.'
