import type { Finding } from '../problems.ts'
import type { Raw, Rule } from '../references.ts'
import { blocks, list, takings } from './raw.ts'

/** What is allowed but probably not meant. Only a reader of everything can tell. */
export const unusedFindings: Rule = (raw, sections) => {
  if (!sections.has('policies') || !sections.has('alerting') || !sections.has('agents'))
    return alertingFindings(raw, sections.has('alerting'))
  return [
    ...alertingFindings(raw, true),
    ...idle(raw, 'sources', 'no policy backs this source up', 'Add it to the sources of a policy.'),
    ...idle(raw, 'targets', 'no policy sends copies to this target', 'Add it to the targets of a policy.'),
    ...(raw.verifier === undefined
      ? [warning('verifier', 'no verifier is configured: no backup will ever be proven', 'Add a verifier section.')]
      : []),
  ]
}

function alertingFindings(raw: Raw, asked: boolean): Finding[] {
  if (!asked) return []
  if (raw.alerting !== undefined) return deadManFindings(raw.alerting)
  return [
    warning(
      'alerting',
      'no alerting is configured: incidents are recorded but nobody is told',
      'Add an alerting section with an email channel.',
    ),
  ]
}

function deadManFindings(alerting: unknown): Finding[] {
  // What is no block is a problem of its own.
  if (typeof alerting !== 'object' || alerting === null || 'deadMan' in alerting) return []
  return [
    warning(
      'alerting',
      'no deadMan is configured: when alerter, bus, mail or the whole site is gone, nobody is told',
      'Add alerting.deadMan: the URL of a service elsewhere that tells you when the asking stops.',
    ),
  ]
}

function idle(raw: Raw, name: 'sources' | 'targets', message: string, hint: string): Finding[] {
  const policies = takings(raw)
  // A list that is no list is a problem of its own, and hides who is in it.
  if (policies.some(([, policy]) => !Array.isArray(policy[name]))) return []
  const kept = name === 'targets' ? blocks(raw, 'wal') : []
  const used = new Set([...policies, ...kept].flatMap(([, entry]) => list(entry[name])))
  return blocks(raw, name)
    .filter(([id]) => !used.has(id))
    .map(([id]) => ({ severity: 'warning', path: [name, id], at: 'key', message, hint }))
}

function warning(section: string, message: string, hint: string): Finding {
  return { severity: 'warning', path: [section], message, hint }
}
