import type { Stats } from 'node:fs'
import { open, stat, unlink } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import type { Sha256, TargetId } from '@lifeboat/shared/domain/ids.ts'
import type { Key } from '@lifeboat/shared/domain/keys.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import { checkedBody } from './checked-body.ts'
import { digestFile, readDigest, writeDigest } from './filesystem/digest.ts'
import { LeftCalls } from './filesystem/left-calls.ts'
import { PARTIAL_FOLDER, segmentsOf, sidecarPath } from './filesystem/paths.ts'
import { exists, makeFolders, placeOnce, syncFolder, writePartial } from './filesystem/place.ts'
import { removeEmptyFolders, sweepPartials } from './filesystem/sweep.ts'
import { codeOf, saysAbsent, translateFsError } from './filesystem/translate.ts'
import { walk } from './filesystem/walk.ts'
import { relay } from './relay.ts'
import type { PutOptions, Receipt, Target } from './target.ts'
import type { FilesystemConfig } from './target-config.ts'

/**
 * A folder, possibly of a network or removable disk. A file has its name only when it is complete and on the disk (temp name, fsync, link);
 * its SHA-256 lies beside it as `.<name>.sha256`. The folder itself is never created, so where none is left of an unmounted disk that is TARGET_MISSING; an empty one
 * is found out by who knows what should lie there.
 *
 * @see https://man7.org/linux/man-pages/man2/link.2.html – a link is create-only, also on NFS
 */
export async function openFilesystem(id: TargetId, config: FilesystemConfig): Promise<Target> {
  return new FilesystemTarget(id, config)
}

class FilesystemTarget implements Target {
  readonly kind = 'filesystem'
  readonly abilities = { immutability: false, conditionalPut: true, mounted: true } as const
  readonly id: TargetId
  readonly #base: string
  readonly #prefix: string[]
  readonly #root: string
  readonly #calls = new LeftCalls()
  #swept: Promise<void> | undefined
  /** What was looked at last: the marker of the fleet before each put, as the disk may be another one by now. */
  #seen: { file: string; sha256: Sha256 } | undefined

  constructor(id: TargetId, config: FilesystemConfig) {
    this.id = id
    this.#base = config.path
    this.#prefix = config.prefix === '' ? [] : segmentsOf(config.prefix)
    this.#root = join(config.path, ...this.#prefix)
  }

  put(key: Key, body: () => Readable, opts: PutOptions): Promise<Receipt> {
    return this.#guarded(key, opts.signal, async () => {
      const there = await this.#look(key, opts.signal)
      if (there !== undefined) return this.#demandSame(there, opts)
      const checked = () => checkedBody(key, body, opts, { digest: true })
      const partial = await this.#inPartials((folder) => writePartial(folder, checked))
      try {
        return await this.#place(partial, key, opts)
      } finally {
        await unlink(partial).catch(() => undefined)
      }
    })
  }

  get(key: Key, { from = 0, signal }: { from?: number; signal: AbortSignal }): Promise<Readable> {
    return this.#guarded(key, signal, async () => {
      const file = await open(this.#path(key), 'r').catch((thrown: unknown) => this.#absentOr(key, thrown))
      const facts = await file.stat()
      if (!facts.isFile()) {
        await file.close()
        throw this.#keyAbsent(key)
      }
      const source = file.createReadStream({ start: from, highWaterMark: 256 * 1024 })
      this.#calls.watch(signal, new Promise<void>((resolve) => source.once('close', resolve)))
      return relay(source, { signal, translate: (thrown) => translateFsError(thrown, this.#facts(key)) })
    })
  }

  stat(key: Key, { signal }: { signal: AbortSignal }): Promise<Receipt | undefined> {
    return this.#guarded(key, signal, async () => {
      if (key.endsWith('/')) return undefined
      const there = await this.#look(key, signal)
      if (there === undefined) await this.#demandBase()
      return there
    })
  }

  async *list(prefix: Key, { signal }: { signal: AbortSignal }): AsyncGenerator<Receipt> {
    try {
      await this.#calls.begin(signal, () => this.#demandBase())
      const found = walk(this.#root, prefix, signal)
      for (;;) {
        const next = await this.#calls.begin(signal, () => found.next())
        if (next.done) return
        yield next.value
      }
    } catch (thrown) {
      throw this.#translated(prefix, thrown)
    }
  }

  tryOut({ signal }: { signal: AbortSignal }): Promise<void> {
    return this.#guarded(PARTIAL_FOLDER, signal, async () => {
      const page = () => Readable.from([Buffer.alloc(4096)], { objectMode: false })
      await unlink(await this.#inPartials((folder) => writePartial(folder, page)))
    })
  }

  remove(key: Key, { signal }: { signal: AbortSignal }): Promise<void> {
    return this.#guarded(key, signal, async () => {
      const folders = segmentsOf(key)
      const name = folders.pop() as string
      const folder = join(this.#root, ...folders)
      for (const path of [join(folder, name), sidecarPath(folder, name)])
        await unlink(path).catch((thrown: unknown) => this.#undefinedOr(thrown))
      await removeEmptyFolders(this.#root, folder)
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {}

  /** Gives the finished file its name, or finds the same bytes there already. */
  async #place(partial: string, key: Key, opts: PutOptions): Promise<Receipt> {
    const folders = segmentsOf(key)
    const name = folders.pop() as string
    const folder = join(this.#root, ...folders)
    try {
      if (!(await placeOnce(partial, join(folder, name)))) return this.#demandSame(await this.stat(key, opts), opts)
    } catch (thrown) {
      if (codeOf(thrown) !== 'ENOENT' || !(await exists(partial))) throw thrown
      // It is the first file of its folder, or a remove took that away, as it was empty.
      await makeFolders(this.#root, folders)
      return this.#place(partial, key, opts)
    }
    await this.#inPartials((partials) => writeDigest(partials, folder, name, opts.sha256))
    await syncFolder(folder)
    return { key, bytes: opts.bytes, sha256: opts.sha256, storedAt: new Date().toISOString() }
  }

  #demandSame(there: Receipt | undefined, { bytes, sha256 }: PutOptions): Receipt {
    if (there?.bytes === bytes && there.sha256 === sha256) return there
    throw new LifeboatError('TARGET_KEY_TAKEN', {
      targetId: this.id,
      key: there?.key,
      expectedBytes: bytes,
      thereBytes: there?.bytes,
    })
  }

  /** A file whose writer died before it kept the digest is read once more and gets it. */
  async #digest(key: Key, signal: AbortSignal): Promise<Sha256> {
    const folders = segmentsOf(key)
    const name = folders.pop() as string
    const folder = join(this.#root, ...folders)
    const kept = await readDigest(folder, name)
    const sha256 = kept ?? (await digestFile(join(folder, name), signal))
    const keep = (partials: string) => writeDigest(partials, folder, name, sha256)
    if (kept === undefined) await this.#inPartials(keep).catch(() => undefined)
    return sha256
  }

  /** What lies there; undefined also where the folder itself is gone. */
  async #look(key: Key, signal: AbortSignal): Promise<Receipt | undefined> {
    const facts = await stat(this.#path(key)).catch((thrown: unknown) => {
      if (!saysAbsent(thrown)) throw thrown
    })
    if (!facts?.isFile()) return undefined
    const file = `${key} ${identityOf(facts)}`
    const sha256 = this.#seen?.file === file ? this.#seen.sha256 : await this.#digest(key, signal)
    this.#seen = { file, sha256 }
    return { key, bytes: facts.size, sha256, storedAt: facts.mtime.toISOString() }
  }

  /** Makes the folder of unfinished files where it turns out to be missing; asking before each of them costs more than writing a small one. */
  async #inPartials<T>(write: (partials: string) => Promise<T>): Promise<T> {
    const folder = join(this.#root, PARTIAL_FOLDER)
    const done = await write(folder).catch(async (thrown: unknown) => {
      if (codeOf(thrown) !== 'ENOENT') throw thrown
      await this.#demandBase()
      await makeFolders(this.#base, [...this.#prefix, PARTIAL_FOLDER])
      return write(folder)
    })
    this.#swept ??= sweepPartials(folder, Date.now())
    await this.#swept
    return done
  }

  async #guarded<T>(key: Key, signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    try {
      return await this.#calls.begin(signal, work)
    } catch (thrown) {
      throw this.#translated(key, thrown)
    }
  }

  #translated(key: Key, thrown: unknown): unknown {
    return translateFsError(thrown, this.#facts(key))
  }

  async #demandBase(): Promise<void> {
    if (!(await exists(this.#base))) throw new LifeboatError('TARGET_MISSING', { targetId: this.id, path: this.#base })
  }

  async #undefinedOr(thrown: unknown): Promise<undefined> {
    if (!saysAbsent(thrown)) throw thrown
    await this.#demandBase()
  }

  async #absentOr(key: Key, thrown: unknown): Promise<never> {
    await this.#undefinedOr(thrown)
    throw this.#keyAbsent(key)
  }

  #keyAbsent(key: Key): LifeboatError {
    return new LifeboatError('TARGET_KEY_ABSENT', this.#facts(key))
  }

  #path(key: Key): string {
    return join(this.#root, ...segmentsOf(key))
  }

  #facts(key: Key): { targetId: string; key: string } {
    return { targetId: this.id, key }
  }
}

/** Another one for each file, and after each change of it. */
function identityOf({ dev, ino, size, mtimeMs, ctimeMs }: Stats): string {
  return [dev, ino, size, mtimeMs, ctimeMs].join(' ')
}
