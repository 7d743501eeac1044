import type { Random } from './random.ts'
import { CONDITIONS, LABORATORY, MEDICATIONS, WORDS } from './vocabulary.ts'

/** 2026-01-01; the generated world never asks the clock, or two runs with one seed would differ. */
const EPOCH_MS = Date.UTC(2026, 0, 1)
const YEAR_MS = 365 * 86_400_000

/** A moment in the three years before the epoch. */
export function pastMoment(random: Random): string {
  return new Date(EPOCH_MS - Math.floor(random.fraction() * 3 * YEAR_MS)).toISOString()
}

export function sentence(random: Random, words: number): string {
  const text = Array.from({ length: words }, () => random.pick(WORDS)).join(' ')
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}.`
}

export type Resource = { resourceType: string; id: string } & Record<string, unknown>

const MAKERS = [observation, encounter, condition, medicationRequest, diagnosticReport]

/** One FHIR resource about a patient, 0.7 to 6 kB as JSON. */
export function resourceAbout(patientId: string, random: Random): Resource {
  const subject = { reference: `Patient/${patientId}` }
  const resource = random.pickSkewed(MAKERS)(random)
  return {
    ...resource,
    meta: {
      versionId: String(random.int(1, 9)),
      lastUpdated: pastMoment(random),
      source: `urn:uuid:${random.uuid()}`,
      profile: [`http://hl7.org/fhir/StructureDefinition/${resource.resourceType}`],
    },
    text: {
      status: 'generated',
      div: `<div xmlns="http://www.w3.org/1999/xhtml">${sentence(random, random.int(8, 40))}</div>`,
    },
    subject,
  }
}

function quantity(random: Random) {
  const [code, display, unit, mean, deviation] = random.pickSkewed(LABORATORY)
  const value = Math.max(0, Number(random.around(mean, deviation).toFixed(mean < 10 ? 2 : 1)))
  return {
    code: { coding: [{ system: 'http://loinc.org', code, display }], text: display },
    valueQuantity: { value, unit, system: 'http://unitsofmeasure.org', code: unit },
    interpretation: value > mean + deviation ? 'H' : value < mean - deviation ? 'L' : 'N',
  }
}

function observation(random: Random): Resource {
  return {
    resourceType: 'Observation',
    id: random.uuid(),
    status: random.pickSkewed(['final', 'amended', 'preliminary']),
    identifier: [{ system: 'urn:ietf:rfc:3986', value: `urn:uuid:${random.uuid()}` }],
    ...quantity(random),
    effectiveDateTime: pastMoment(random),
    performer: [{ reference: `Practitioner/${random.uuid()}` }],
    component: Array.from({ length: random.int(0, 4) }, () => quantity(random)),
    note: [{ text: sentence(random, random.int(5, 30)) }],
  }
}

function encounter(random: Random): Resource {
  const start = pastMoment(random)
  const end = new Date(Date.parse(start) + random.int(600, 260_000) * 1000).toISOString()
  return {
    resourceType: 'Encounter',
    id: random.uuid(),
    status: 'finished',
    class: { code: random.pickSkewed(['AMB', 'IMP', 'EMER', 'HH']) },
    period: { start, end },
    participant: [{ individual: { reference: `Practitioner/${random.uuid()}` } }],
    location: [{ location: { reference: `Location/${random.int(1, 80)}` }, status: 'completed' }],
    reasonCode: [{ text: sentence(random, random.int(4, 25)) }],
    hospitalization: { dischargeDisposition: { text: sentence(random, random.int(3, 18)) } },
  }
}

function condition(random: Random): Resource {
  const [code, display] = random.pickSkewed(CONDITIONS)
  return {
    resourceType: 'Condition',
    id: random.uuid(),
    clinicalStatus: { coding: [{ code: random.pickSkewed(['active', 'resolved', 'remission', 'inactive']) }] },
    code: { coding: [{ system: 'http://snomed.info/sct', code, display }], text: display },
    onsetDateTime: pastMoment(random),
    recorder: { reference: `Practitioner/${random.uuid()}` },
    note: Array.from({ length: random.int(1, 4) }, () => ({ text: sentence(random, random.int(10, 45)) })),
  }
}

function medicationRequest(random: Random): Resource {
  const [code, display] = random.pickSkewed(MEDICATIONS)
  return {
    resourceType: 'MedicationRequest',
    id: random.uuid(),
    status: random.pickSkewed(['active', 'completed', 'stopped']),
    intent: 'order',
    medicationCodeableConcept: {
      coding: [{ system: 'http://www.nlm.nih.gov/research/umls/rxnorm', code, display }],
    },
    authoredOn: pastMoment(random),
    requester: { reference: `Practitioner/${random.uuid()}` },
    dosageInstruction: [
      { sequence: 1, text: sentence(random, random.int(6, 20)), timing: { repeat: { frequency: random.int(1, 4) } } },
    ],
    dispenseRequest: { numberOfRepeatsAllowed: random.int(0, 6), quantity: { value: random.int(10, 180) } },
  }
}

function diagnosticReport(random: Random): Resource {
  return {
    resourceType: 'DiagnosticReport',
    id: random.uuid(),
    status: 'final',
    issued: pastMoment(random),
    contained: Array.from({ length: random.int(3, 9) }, () => ({ id: random.hex(8), ...quantity(random) })),
    conclusion: sentence(random, random.int(25, 120)),
    presentedForm: [{ contentType: 'application/pdf', hash: random.hex(40), data: random.hex(random.int(40, 1200)) }],
  }
}
