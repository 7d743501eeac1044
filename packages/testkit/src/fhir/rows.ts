import { Random } from './random.ts'
import { pastMoment, resourceAbout, sentence } from './resources.ts'
import { CITIES, FAMILIES, GIVENS, ISSUES, LABORATORY, PROFILES } from './vocabulary.ts'

/** One value of a COPY row. */
export type Value = string | number | boolean | null

/** A table's columns and the rows that belong to one patient; whose number is all it depends on, besides the seed. */
export interface TableRows {
  table: string
  columns: string
  rowsPerPatient: number
  rowsOf(seed: string, patient: number): Value[][]
}

const RESOURCES_PER_PATIENT = 8
const RESULTS_PER_RESOURCE = 2
export const SETTINGS = 12

const patientId = (seed: string, patient: number) => new Random(`${seed}/patient/${patient}`).uuid()
const times = <T>(count: number, make: (index: number) => T) => Array.from({ length: count }, (_, index) => make(index))

const patients: TableRows = {
  table: 'patients',
  columns: 'id, identifier, family_name, given_names, gender, birth_date, address, photo_hash, updated_at',
  rowsPerPatient: 1,
  rowsOf(seed, patient) {
    const random = new Random(`${seed}/patients/${patient}`)
    const address = {
      line: [`${sentence(random, 1).slice(0, -1)}straße ${random.int(1, 240)}`],
      city: random.pickSkewed(CITIES),
      postalCode: String(random.int(1000, 99_999)).padStart(5, '0'),
    }
    const given = times(random.int(1, 3), () => random.pickSkewed(GIVENS))
    const gender = random.pickSkewed(['female', 'male', 'other', 'unknown'])
    const born = `${random.int(1930, 2025)}-${String(random.int(1, 12)).padStart(2, '0')}-${String(random.int(1, 28)).padStart(2, '0')}`
    const photo = random.chance(0.3) ? `\\x${random.hex(64)}` : null
    const identifier = `MRN-${String(patient).padStart(9, '0')}-${random.hex(4)}`
    const family = random.pickSkewed(FAMILIES)
    const names = `{${given.join(',')}}`
    return [
      [
        patientId(seed, patient),
        identifier,
        family,
        names,
        gender,
        born,
        JSON.stringify(address),
        photo,
        pastMoment(random),
      ],
    ]
  },
}

const observations: TableRows = {
  table: 'observations',
  columns: 'id, patient_id, code, value, unit, effective_at, note',
  rowsPerPatient: 12,
  rowsOf(seed, patient) {
    const random = new Random(`${seed}/observations/${patient}`)
    const subject = patientId(seed, patient)
    return times(this.rowsPerPatient, () => {
      const [code, , unit, mean, deviation] = random.pickSkewed(LABORATORY)
      const note = random.chance(0.25) ? sentence(random, random.int(4, 20)) : null
      const value = random.chance(0.02) ? null : random.around(mean, deviation).toFixed(3)
      return [random.uuid(), subject, code, value, unit, pastMoment(random), note]
    })
  },
}

const resources: TableRows = {
  table: 'resources',
  columns: 'id, patient_id, resource_type, resource_id, version, data, last_updated',
  rowsPerPatient: RESOURCES_PER_PATIENT,
  rowsOf(seed, patient) {
    const random = new Random(`${seed}/resources/${patient}`)
    const subject = patientId(seed, patient)
    return times(this.rowsPerPatient, (index) => {
      const data = resourceAbout(subject, random)
      const id = patient * RESOURCES_PER_PATIENT + index + 1
      return [id, subject, data.resourceType, data.id, random.int(1, 9), JSON.stringify(data), pastMoment(random)]
    })
  },
}

const validationResults: TableRows = {
  table: 'validation_results',
  columns: 'id, resource_id, settings_id, profile_url, is_valid, score, issues, duration_ms, validated_at',
  rowsPerPatient: RESOURCES_PER_PATIENT * RESULTS_PER_RESOURCE,
  rowsOf(seed, patient) {
    const random = new Random(`${seed}/validation-results/${patient}`)
    return times(this.rowsPerPatient, (index) => {
      const id = patient * this.rowsPerPatient + index + 1
      const resource = patient * RESOURCES_PER_PATIENT + Math.floor(index / RESULTS_PER_RESOURCE) + 1
      const issues = times(random.int(0, 4), () => issue(random))
      const valid = !issues.some((one) => one.severity === 'error')
      const score = Math.max(0, 100 - issues.length * Math.abs(random.around(11, 4))).toFixed(2)
      const profile = `http://hl7.org/fhir/StructureDefinition/${random.pickSkewed(PROFILES)}`
      const took = Math.abs(random.around(48, 17)).toFixed(2)
      const settings = random.int(1, SETTINGS)
      return [id, resource, settings, profile, valid, score, JSON.stringify(issues), took, pastMoment(random)]
    })
  },
}

function issue(random: Random) {
  const [code, severity, message] = random.pickSkewed(ISSUES)
  const type = random.pickSkewed(PROFILES)
  const path = `${type}.${random.pick(['code', 'subject', 'status', 'component', 'note', 'meta.profile'])}[${random.int(0, 7)}]`
  return { severity, code, diagnostics: `${path}: ${message}`, expression: [path], id: random.hex(12) }
}

/** Settings belong to no patient; there are a dozen of them, made once. */
export function settingsRows(seed: string): Value[][] {
  const random = new Random(`${seed}/validation-settings`)
  return times(SETTINGS, (index) => {
    const settings = {
      structural: { enabled: true, severity: random.pick(['error', 'warning']) },
      profile: { enabled: random.chance(0.8), packages: times(random.int(1, 4), () => `hl7.fhir.${random.hex(6)}`) },
      terminology: { enabled: random.chance(0.6), server: `https://tx.example.org/${random.hex(4)}` },
      timeoutMs: random.int(1, 60) * 1000,
    }
    return [`settings-${index + 1}`, JSON.stringify(settings), index === 0, pastMoment(random)]
  })
}

export const TABLE_ROWS: readonly TableRows[] = [resources, validationResults, observations, patients]
