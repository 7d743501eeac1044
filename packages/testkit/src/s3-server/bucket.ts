import { randomBytes } from 'node:crypto'
import { unlink } from 'node:fs/promises'
import { S3Refusal } from './answer.ts'
import type { Received } from './receive.ts'

export interface StoredObject extends Received {
  versionId: string
  storageClass: string
  tags: Record<string, string>
  storedAt: Date
  retainUntil?: Date
  lockMode?: 'GOVERNANCE' | 'COMPLIANCE'
}

/** One bucket: the newest version of each key is what a plain GET sees; without versioning there is only that one. */
export class S3Bucket {
  readonly versioned: boolean
  readonly #versions = new Map<string, StoredObject[]>()
  readonly #deleted = new Set<string>()
  #sorted: string[] | undefined

  constructor({ versioned }: { versioned: boolean }) {
    this.versioned = versioned
  }

  current(key: string): StoredObject | undefined {
    return this.#deleted.has(key) ? undefined : this.#versions.get(key)?.at(-1)
  }

  /** @param createOnly refuse when the key exists now, at the moment of the commit */
  async commit(
    key: string,
    body: Received,
    opts: { createOnly: boolean; storageClass: string; tags: Record<string, string> },
  ): Promise<StoredObject> {
    if (opts.createOnly && this.current(key) !== undefined) {
      await unlink(body.path)
      throw new S3Refusal(412, 'PreconditionFailed')
    }
    const { storageClass, tags } = opts
    const stored = {
      ...body,
      storageClass,
      tags,
      versionId: randomBytes(12).toString('base64url'),
      storedAt: new Date(),
    }
    const before = this.#versions.get(key) ?? []
    this.#versions.set(key, this.versioned ? [...before, stored] : [stored])
    this.#deleted.delete(key)
    this.#sorted = undefined
    if (!this.versioned) await Promise.all(before.map(({ path }) => unlink(path)))
    return stored
  }

  /** Longer at any time; shorter not at all, for nobody here asks to bypass governance. */
  retain(key: string, versionId: string | undefined, mode: string, until: Date): void {
    if (!this.versioned) throw new S3Refusal(400, 'InvalidRequest', 'Bucket is missing Object Lock Configuration')
    const versions = this.#versions.get(key) ?? []
    const found = versionId === undefined ? versions.at(-1) : versions.find((each) => each.versionId === versionId)
    if (found === undefined) throw new S3Refusal(404, 'NoSuchKey')
    if (mode !== 'GOVERNANCE' && mode !== 'COMPLIANCE') throw new S3Refusal(400, 'MalformedXML')
    if (Number.isNaN(until.getTime()) || until.getTime() <= Date.now())
      throw new S3Refusal(400, 'InvalidArgument', 'The retain until date must be in the future!')
    if (found.retainUntil !== undefined && found.retainUntil > until) throw new S3Refusal(403, 'AccessDenied')
    found.retainUntil = until
    found.lockMode = mode
  }

  /** Without a version in a versioned bucket: a delete marker, and the bytes stay. */
  async remove(key: string, versionId: string | undefined): Promise<void> {
    this.#sorted = undefined
    if (this.versioned && versionId === undefined) return void this.#deleted.add(key)
    const versions = this.#versions.get(key) ?? []
    const doomed = versionId === undefined ? versions.at(-1) : versions.find((each) => each.versionId === versionId)
    if (doomed === undefined) return
    if (doomed.retainUntil !== undefined && doomed.retainUntil.getTime() > Date.now())
      throw new S3Refusal(403, 'AccessDenied', 'Access Denied because object protected by object lock.')
    const rest = versions.filter((each) => each !== doomed)
    if (rest.length === 0) this.#versions.delete(key)
    else this.#versions.set(key, rest)
    await unlink(doomed.path)
  }

  /** Keys in the order of their UTF-8 bytes. */
  keys(): readonly string[] {
    this.#sorted ??= [...this.#versions.keys()]
      .filter((key) => this.current(key) !== undefined)
      .sort((one, other) => Buffer.compare(Buffer.from(one), Buffer.from(other)))
    return this.#sorted
  }
}
