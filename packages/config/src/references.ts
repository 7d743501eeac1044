import type { Finding } from './problems.ts'
import { collisionFindings } from './rules/collisions.ts'
import { credentialFindings } from './rules/credentials.ts'
import { drillFindings } from './rules/drills.ts'
import { earlyRemovalFindings } from './rules/early-removal.ts'
import { filesFindings } from './rules/files.ts'
import { identityFindings } from './rules/identities.ts'
import { keepFindings } from './rules/keep.ts'
import { lockFindings } from './rules/locks.ts'
import { nameFindings } from './rules/names.ts'
import { operatorFindings } from './rules/operators.ts'
import { policyFindings } from './rules/policies.ts'
import { setFindings } from './rules/sets.ts'
import { storageClassFindings } from './rules/storage-classes.ts'
import { unusedFindings } from './rules/unused.ts'
import { walFindings } from './rules/wal.ts'
import type { SectionName } from './sections.ts'

/** The configuration as it was written: it may be wrong in every way, so each rule looks before it steps. */
export type Raw = Record<string, unknown>
export type Rule = (raw: Raw, sections: ReadonlySet<SectionName>) => Finding[]

const RULES: readonly Rule[] = [
  nameFindings,
  policyFindings,
  setFindings,
  drillFindings,
  walFindings,
  keepFindings,
  storageClassFindings,
  earlyRemovalFindings,
  lockFindings,
  filesFindings,
  credentialFindings,
  identityFindings,
  operatorFindings,
  collisionFindings,
  unusedFindings,
]

/**
 * What no schema can see: names that point at each other, numbers that contradict each other, secrets in the wrong place.
 *
 * Runs on the unparsed values, so that one wrong field elsewhere hides nothing. A rule that needs a section the reader
 * did not ask for stays silent.
 */
export function referenceFindings(raw: Raw, sections: ReadonlySet<SectionName>): Finding[] {
  return RULES.flatMap((rule) => rule(raw, sections))
}
