import { rmSync } from 'node:fs'
import type { Body } from './draft.ts'
import { GcsRefusal, invalid, notFound, preconditionFailed } from './refusal.ts'

const STORAGE_CLASSES = ['STANDARD', 'NEARLINE', 'COLDLINE', 'ARCHIVE', 'MULTI_REGIONAL', 'REGIONAL']

/** What a client may say about an object; everything else is the server's to say. */
export interface ObjectFields {
  contentType?: string
  contentEncoding?: string
  contentDisposition?: string
  cacheControl?: string
  storageClass?: string
  customTime?: string
  metadata?: Record<string, string>
  temporaryHold?: boolean
  eventBasedHold?: boolean
  retention?: { mode?: string; retainUntilTime?: string }
}

export interface StoredObject {
  name: string
  generation: number
  metageneration: number
  fields: ObjectFields
  body: Body
  timeCreated: string
  updated: string
}

/** The ifGeneration… and ifMetageneration… parameters of a request. */
export type Preconditions = Partial<
  Record<'ifGenerationMatch' | 'ifGenerationNotMatch' | 'ifMetagenerationMatch' | 'ifMetagenerationNotMatch', number>
>

/** One bucket: the objects in it, and who may not be removed. */
export class GcsBucket {
  readonly name: string
  readonly timeCreated = new Date().toISOString()
  /** Seconds an object is kept against removal and overwriting after its creation. */
  readonly retentionSeconds: number | undefined
  readonly #objects = new Map<string, StoredObject>()
  #sorted: StoredObject[] | undefined
  static #lastGeneration = Date.now() * 1000

  constructor(name: string, retentionSeconds?: number) {
    this.name = name
    this.retentionSeconds = retentionSeconds
  }

  get isEmpty(): boolean {
    return this.#objects.size === 0
  }

  /** @throws GcsRefusal 404, or 412 when a precondition does not hold */
  find(name: string, conditions: Preconditions = {}): StoredObject {
    const object = this.#objects.get(name)
    if (object === undefined) throw notFound(`${this.name}/${name}`)
    this.#demand(conditions, object)
    return object
  }

  /** @throws GcsRefusal 412 when a precondition does not hold for what lies, or does not lie, under the name */
  demand(name: string, conditions: Preconditions): void {
    this.#demand(conditions, this.#objects.get(name))
  }

  /** Makes a draft an object. All checks and the change happen in one turn of the event loop. */
  commit(name: string, body: Body, fields: ObjectFields, conditions: Preconditions): StoredObject {
    const present = this.#objects.get(name)
    this.#demand(conditions, present)
    if (present) this.#refuseWhenKept(present)
    const now = new Date().toISOString()
    const generation = GcsBucket.#nextGeneration()
    const object = { name, generation, metageneration: 1, fields, body, timeCreated: now, updated: now }
    this.#objects.set(name, object)
    this.#sorted = undefined
    if (present) rmSync(present.body.path, { force: true })
    return object
  }

  patch(name: string, changes: ObjectFields, conditions: Preconditions): StoredObject {
    const object = this.find(name, conditions)
    const [kept, asked] = [object.fields.retention, changes.retention].map((one) =>
      Date.parse(one?.retainUntilTime ?? ''),
    )
    if (changes.retention && (kept ?? 0) > (asked ?? 0))
      throw new GcsRefusal(403, 'forbidden', 'The retention of an object can only be made longer.')
    const fields = { ...object.fields, ...changes }
    if (changes.metadata) {
      const merged = Object.entries({ ...object.fields.metadata, ...changes.metadata })
      fields.metadata = Object.fromEntries(merged.filter(([, value]) => value !== null))
    }
    const updated = new Date().toISOString()
    const patched = { ...object, fields, metageneration: object.metageneration + 1, updated }
    this.#objects.set(name, patched)
    this.#sorted = undefined
    return patched
  }

  remove(name: string, conditions: Preconditions): void {
    const object = this.find(name, conditions)
    this.#refuseWhenKept(object)
    this.#objects.delete(name)
    this.#sorted = undefined
    rmSync(object.body.path, { force: true })
  }

  /** In the order of their UTF-8 bytes. */
  sorted(): readonly StoredObject[] {
    this.#sorted ??= [...this.#objects.values()]
      .map((object) => ({ object, bytes: Buffer.from(object.name) }))
      .sort((one, other) => Buffer.compare(one.bytes, other.bytes))
      .map(({ object }) => object)
    return this.#sorted
  }

  expiresAt(object: StoredObject): string | undefined {
    if (this.retentionSeconds === undefined) return undefined
    return new Date(Date.parse(object.timeCreated) + this.retentionSeconds * 1000).toISOString()
  }

  #refuseWhenKept(object: StoredObject): void {
    const what = `Object '${this.name}/${object.name}'`
    if (object.fields.temporaryHold || object.fields.eventBasedHold)
      throw new GcsRefusal(
        403,
        'objectUnderActiveHold',
        `${what} is under active hold and cannot be deleted or overwritten.`,
      )
    const expires = this.expiresAt(object)
    const own = object.fields.retention?.retainUntilTime
    if (own !== undefined && Date.parse(own) > Date.now())
      throw new GcsRefusal(403, 'objectRetentionNotMet', `${what} is subject to object retention until ${own}`)
    if (expires !== undefined && Date.parse(expires) > Date.now())
      throw new GcsRefusal(
        403,
        'retentionPolicyNotMet',
        `${what} is subject to bucket's retention policy and cannot be deleted or overwritten until ${expires}`,
      )
  }

  /** Generation 0 stands for "no object". */
  #demand(conditions: Preconditions, object: StoredObject | undefined): void {
    const generation = object?.generation ?? 0
    const metageneration = object?.metageneration ?? 0
    const { ifGenerationMatch, ifGenerationNotMatch, ifMetagenerationMatch, ifMetagenerationNotMatch } = conditions
    const holds =
      (ifGenerationMatch === undefined || ifGenerationMatch === generation) &&
      (ifGenerationNotMatch === undefined || ifGenerationNotMatch !== generation) &&
      (ifMetagenerationMatch === undefined || ifMetagenerationMatch === metageneration) &&
      (ifMetagenerationNotMatch === undefined || ifMetagenerationNotMatch !== metageneration)
    if (!holds) throw preconditionFailed()
  }

  static #nextGeneration(): number {
    GcsBucket.#lastGeneration = Math.max(GcsBucket.#lastGeneration + 1, Date.now() * 1000)
    return GcsBucket.#lastGeneration
  }
}

/** @throws GcsRefusal 400 for names and classes Google would not take */
export function demandValid(name: string | undefined, fields: ObjectFields): asserts name is string {
  if (name === undefined || name === '') throw new GcsRefusal(400, 'required', 'Required parameter: name')
  if (Buffer.byteLength(name) > 1024 || /[\r\n]/.test(name) || name === '.' || name === '..')
    throw invalid(`Invalid object name: ${name.slice(0, 64)}`)
  if (fields.storageClass !== undefined && !STORAGE_CLASSES.includes(fields.storageClass))
    throw invalid(`Invalid argument: storage class ${fields.storageClass}`)
  if (fields.customTime !== undefined && !/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d/.test(fields.customTime))
    throw invalid(`Invalid value for customTime: ${fields.customTime}`)
}
