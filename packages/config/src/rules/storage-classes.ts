import { isInfrequent, isOffline } from '@lifeboat/storage/classes.ts'
import type { Finding } from '../problems.ts'
import type { Raw, Rule } from '../references.ts'
import { block, blocks, text } from './raw.ts'

/** S3 takes nothing into these earlier. */
const MOVED_FROM_DAYS: Readonly<Record<string, number>> = { STANDARD_IA: 30, ONEZONE_IA: 30 }

/** What is small, read often or gone soon does not belong where reading costs and age is billed; what is read in a disaster must be there at once. */
export const storageClassFindings: Rule = (raw) =>
  blocks(raw, 'targets').flatMap(([id, target]) => [...putFindings(id, target), ...transitionFindings(id, target)])

function putFindings(id: string, target: Raw): Finding[] {
  return Object.entries(block(target.storageClass)).flatMap(([role, given]): Finding[] => {
    const name = text(given) ?? ''
    const path = ['targets', id, 'storageClass', role]
    if (isOffline(name)) return [offline(name, path)]
    if (role === 'part' || !isInfrequent(name)) return []
    const message = `${name} bills a minimum age and size, wrong for ${WHAT[role] ?? role}`
    return [{ severity: 'error', path, message, hint: 'Leave it out here; `part` is what such a class is for.' }]
  })
}

function transitionFindings(id: string, target: Raw): Finding[] {
  if (target.transition === undefined) return []
  const { class: given, days } = block(target.transition)
  const name = text(given) ?? ''
  const path = ['targets', id, 'transition']
  if (target.kind === 's3' && isOffline(name)) return [offline(name, [...path, 'class'])]
  const put = text(block(target.storageClass).part)
  const least = target.kind === 's3' ? (MOVED_FROM_DAYS[name.toUpperCase()] ?? 0) : 0
  return [
    ...(put !== undefined && isInfrequent(put) ? [putThereAlready(put, ['targets', id, 'storageClass', 'part'])] : []),
    ...Object.entries(block(days)).flatMap(([kind, count]): Finding[] => {
      if (typeof count !== 'number' || count < 1 || count >= least) return []
      const message = `S3 moves nothing to ${name} before it is ${least} days old`
      return [{ severity: 'error', path: [...path, 'days', kind], message, hint: `Let it be ${least} or more.` }]
    }),
  ]
}

function putThereAlready(name: string, path: string[]): Finding {
  const message = `parts are put as ${name}, and transition would move them once more`
  return { severity: 'error', path, message, hint: 'Leave one of the two out.' }
}

function offline(name: string, path: string[]): Finding {
  return { severity: 'error', path, message: `${name} cannot be read for hours`, hint: OFFLINE_HINT }
}

const WHAT: Record<string, string> = {
  wal: 'WAL, which comes in small pieces and goes soon',
  manifest: 'manifests, which are small and read at every look',
  document: 'documents, which are small',
  evidence: 'evidence, which is small',
  marker: 'markers, which are small',
}
const OFFLINE_HINT =
  'A restore would wait for it. Use a class that answers at once, e.g. GLACIER_IR at S3 or Cold at Azure.'
