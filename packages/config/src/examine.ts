import type { z } from 'zod'
import { expandSets } from './expand-sets.ts'
import { LifeboatConfig } from './lifeboat-config.ts'
import { type Finding, inFileOrder, locate, type Problem } from './problems.ts'
import { referenceFindings } from './references.ts'
import type { ConfigOf, SectionName } from './sections.ts'
import { shapeFindings } from './shape-findings.ts'
import { parseYaml, type YamlSource } from './yaml-source.ts'

export interface Examined<S extends SectionName> {
  source: YamlSource
  findings: Finding[]
  /** Absent when the shape is wrong. */
  config?: ConfigOf<S>
  /** As far as it can be understood; for looking, not for working with. */
  partial: Partial<LifeboatConfig>
}

/** Looks at some sections of a text in every way there is, without stopping at the first fault. */
export function examine<S extends SectionName>(text: string, sections: readonly S[]): Examined<S> {
  const source = parseYaml(text)
  if (source.value === undefined) return { source, findings: [], partial: {} }
  if (source.value === null || typeof source.value !== 'object' || Array.isArray(source.value)) {
    const message = source.value === null ? 'the file is empty' : 'the file is not a block of settings'
    return {
      source,
      findings: [{ severity: 'error', path: [], message, hint: 'Start from docs/examples.' }],
      partial: {},
    }
  }
  const schema = LifeboatConfig.pick(mask(sections) as { version: true })
  const value = withoutForeign(source.value, sections)
  const parsed = schema.safeParse(value)
  const findings = [
    ...(parsed.success ? [] : shapeFindings(LifeboatConfig, value, parsed.error.issues)),
    ...referenceFindings(value as Record<string, unknown>, new Set<SectionName>(sections)),
  ]
  return {
    source,
    findings,
    partial: value,
    ...(parsed.success ? { config: asSeen<S>(parsed.data) } : {}),
  }
}

/** As services see it. */
function asSeen<S extends SectionName>(parsed: object): ConfigOf<S> {
  const written = parsed as Partial<z.infer<typeof LifeboatConfig>>
  const seen = written.policies === undefined ? written : { ...written, policies: expandSets(written.policies) }
  return seen as unknown as ConfigOf<S>
}

function mask(sections: readonly SectionName[]): Record<string, true> {
  return Object.fromEntries(['version', 'fleet', ...sections].map((name) => [name, true]))
}

/** Sections of other services are left out unread; a key that is no section at all stays, to be complained about. */
function withoutForeign(value: object, sections: readonly SectionName[]): Partial<LifeboatConfig> {
  const foreign = new Set<string>(Object.keys(LifeboatConfig.shape))
  for (const own of ['version', 'fleet', ...sections]) foreign.delete(own)
  return Object.fromEntries(Object.entries(value).filter(([key]) => !foreign.has(key))) as Partial<LifeboatConfig>
}

/** What YAML itself and the rules found, with places, in the order of the file. */
export function problemsOf(source: YamlSource, findings: readonly Finding[], file: string): Problem[] {
  return inFileOrder([...yamlProblems(source, file), ...place(findings, source, file)])
}

function place(findings: readonly Finding[], source: YamlSource, file: string): Problem[] {
  return findings.map((finding) => locate(finding, file, source.position(finding.path, finding.at ?? 'value')))
}

function yamlProblems(source: YamlSource, file: string): Problem[] {
  return source.faults.map((fault) => ({
    severity: 'error',
    file,
    ...fault.at,
    path: '',
    message: fault.duplicateKey
      ? 'this name stands here twice in one block'
      : `this is not valid YAML: ${fault.message}`,
    hint: fault.duplicateKey
      ? 'Remove or rename one of the two.'
      : 'Look at indentation, quotes and colons of this line and the one before.',
  }))
}
