import type {
  Fingerprint,
  SchemaClass,
  SequenceFingerprint,
  TableFingerprint,
} from '@lifeboat/shared/domain/fingerprint.ts'

/** One thing that is not as it was. */
export interface Difference {
  /** `table rows`, `table contents`, `sequences`, `large objects`, `extensions`, `settings`, `server`, or a class of the schema such as `indexes`. */
  area: string
  object: string
  kind: 'missing' | 'surplus' | 'changed'
  /** One sentence with the numbers, for people. */
  sentence: string
  /** Why this difference says nothing against the backup; absent when it does. */
  tolerated?: string
}

/**
 * What an actual database lacks, has too much or has otherwise than expected. Empty means the same data and schema.
 *
 * @param expected measured in the dump's snapshot
 * @param actual measured after the restore
 */
export function compareFingerprints(expected: Fingerprint, actual: Fingerprint): Difference[] {
  return [
    ...compareTables(expected.tables, actual.tables),
    ...compareSequences(expected.sequences, actual.sequences),
    ...compareLargeObjects(expected.largeObjects, actual.largeObjects),
    ...compareExtensions(expected.extensions, actual.extensions),
    ...compareSettings(expected.settings, actual.settings),
    ...compareSchema(expected, actual),
  ]
}

/** The differences that speak against a backup. */
export function counted(differences: readonly Difference[]): Difference[] {
  return differences.filter((difference) => difference.tolerated === undefined)
}

function compareTables(expected: readonly TableFingerprint[], actual: readonly TableFingerprint[]): Difference[] {
  return pair(expected, actual, nameOf).flatMap(([object, before, after]) => {
    if (!after) return [missing('table rows', object, `Table ${object} with ${before?.rows} rows did not come back.`)]
    if (!before) return [surplus('table rows', object, `Table ${object} was not there when the backup was taken.`)]
    if (before.rows !== after.rows)
      return [changed('table rows', object, `Table ${object} has ${after.rows} rows instead of ${before.rows}.`)]
    if (before.hash !== undefined && after.hash !== undefined && before.hash !== after.hash)
      return [changed('table contents', object, `Table ${object} has its ${after.rows} rows, but with other contents.`)]
    return []
  })
}

function compareSequences(
  expected: readonly SequenceFingerprint[],
  actual: readonly SequenceFingerprint[],
): Difference[] {
  return pair(expected, actual, nameOf).flatMap(([object, before, after]) => {
    if (!after) return [missing('sequences', object, `Sequence ${object} did not come back.`)]
    if (!before) return [surplus('sequences', object, `Sequence ${object} was not there when the backup was taken.`)]
    if (isBetween(before, after)) return []
    const range = before.later ? `between ${position(before)} and ${position(before.later)}` : position(before)
    return [changed('sequences', object, `Sequence ${object} stands at ${position(after)} instead of ${range}.`)]
  })
}

/** A sequence moves while the dump runs; anything from the first measurement to the second is right, whichever way it counts. */
function isBetween(before: SequenceFingerprint, after: SequenceFingerprint): boolean {
  if (before.lastValue === after.lastValue && before.isCalled === after.isCalled) return true
  if (!before.later) return false
  const [from, to] = [BigInt(before.lastValue), BigInt(before.later.lastValue)]
  const value = BigInt(after.lastValue)
  return from <= to ? from <= value && value <= to : to <= value && value <= from
}

function position({ lastValue, isCalled }: Pick<SequenceFingerprint, 'lastValue' | 'isCalled'>): string {
  return isCalled ? lastValue : `${lastValue} (not used yet)`
}

function compareLargeObjects(expected: Fingerprint['largeObjects'], actual: Fingerprint['largeObjects']): Difference[] {
  if (expected.count !== actual.count) {
    const kind = actual.count < expected.count ? 'missing' : 'surplus'
    const sentence = `There are ${actual.count} large objects instead of ${expected.count}.`
    return [{ area: 'large objects', object: 'large objects', kind, sentence }]
  }
  const bothHashed = expected.hash !== undefined && actual.hash !== undefined
  if (!bothHashed || expected.hash === actual.hash) return []
  return [
    changed('large objects', 'large objects', `All ${actual.count} large objects are there, but with other contents.`),
  ]
}

const DUMPS_NAME_NO_VERSION = 'A dump names extensions without a version; the server restored to brings its own.'

function compareExtensions(expected: Fingerprint['extensions'], actual: Fingerprint['extensions']): Difference[] {
  return pair(Object.entries(expected), Object.entries(actual), ([name]) => name).flatMap(([object, before, after]) => {
    if (!after) return [missing('extensions', object, `Extension ${object} ${before?.[1]} did not come back.`)]
    if (!before) return [surplus('extensions', object, `Extension ${object} was not there when the backup was taken.`)]
    if (before[1] === after[1]) return []
    const sentence = `Extension ${object} is at version ${after[1]} instead of ${before[1]}.`
    return [{ ...changed('extensions', object, sentence), tolerated: DUMPS_NAME_NO_VERSION }]
  })
}

function compareSettings(expected: readonly string[], actual: readonly string[]): Difference[] {
  return pair(expected, actual, (line) => line).flatMap(([object, before, after]) => {
    if (before && after) return []
    return before
      ? [missing('settings', object, `Setting ${object} (role|database|setting) did not come back.`)]
      : [
          surplus(
            'settings',
            object,
            `Setting ${object} (role|database|setting) was not there when the backup was taken.`,
          ),
        ]
  })
}

function compareSchema(expected: Fingerprint, actual: Fingerprint): Difference[] {
  const majors = expected.major === actual.major ? undefined : ([expected.major, actual.major] as const)
  return Object.entries(expected.schema).flatMap(([area, before]) => {
    const after = actual.schema[area]
    // Measured by a role that may see more or less, for instance without the password hashes.
    if (!after || before.hash === after.hash) return []
    return compareClass(area, before, after).map((difference) => tolerateMajor(difference, majors))
  })
}

function compareClass(area: string, before: SchemaClass, after: SchemaClass): Difference[] {
  if (!before.objects || !after.objects) {
    return [changed(area, area, `The ${area} differ: ${after.count} instead of ${before.count}, too many to list.`)]
  }
  return pair(Object.entries(before.objects), Object.entries(after.objects), ([identity]) => identity).flatMap(
    ([object, was, is]) => {
      if (!is) return [missing(area, object, `Of the ${area}, ${object} did not come back.`)]
      if (!was) return [surplus(area, object, `Of the ${area}, ${object} was not there when the backup was taken.`)]
      return was[1] === is[1]
        ? []
        : [changed(area, object, `Of the ${area}, ${object} is defined otherwise than it was.`)]
    },
  )
}

/** Another major prints definitions its own way and knows new privileges; what is there on both sides cannot be compared by its text. */
function tolerateMajor(difference: Difference, majors: readonly [number, number] | undefined): Difference {
  if (!majors || difference.kind !== 'changed') return difference
  const tolerated = `PostgreSQL ${majors[1]} describes its objects in other words than PostgreSQL ${majors[0]}.`
  return { ...difference, tolerated }
}

function nameOf({ schema, name }: { schema: string; name: string }): string {
  return [schema, name]
    .map((part) => (/^[a-z_][a-z0-9_]*$/.test(part) ? part : `"${part.replaceAll('"', '""')}"`))
    .join('.')
}

type Pair<T> = [object: string, before: T | undefined, after: T | undefined]

/** Everything of both sides by name, in the order of the names. */
function pair<T>(expected: readonly T[], actual: readonly T[], name: (item: T) => string): Pair<T>[] {
  const before = new Map(expected.map((item) => [name(item), item]))
  const after = new Map(actual.map((item) => [name(item), item]))
  const names = [...new Set([...before.keys(), ...after.keys()])].sort()
  return names.map((object) => [object, before.get(object), after.get(object)])
}

const missing = (area: string, object: string, sentence: string): Difference => ({
  area,
  object,
  kind: 'missing',
  sentence,
})
const surplus = (area: string, object: string, sentence: string): Difference => ({
  area,
  object,
  kind: 'surplus',
  sentence,
})
const changed = (area: string, object: string, sentence: string): Difference => ({
  area,
  object,
  kind: 'changed',
  sentence,
})
