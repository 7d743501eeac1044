import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { mkdir, readdir, rm, stat, unlink } from 'node:fs/promises'
import { join } from 'node:path'
import { endsBefore } from '@lifeboat/catalog/expiry/wal-window.ts'
import type { Md5, Sha256, SourceId, TargetId } from '@lifeboat/shared/domain/ids.ts'
import { formatLsn, parseWalKey } from '@lifeboat/shared/domain/wal.ts'
import type { Logger } from '@lifeboat/shared/log/logger.ts'
import { PARTIAL, unlessAbsent } from '../spool/files.ts'
import { type Room, room } from '../spool/room.ts'
import type { Beginning } from './holders.ts'
import type { Packed } from './pack.ts'

/** WAL of one source on its way: a bounded folder whose loss costs nothing, for the server still has what is not off-site. */
export interface WalSpool {
  readonly folder: string
  readonly usedBytes: number
  names(): string[]
  /** What a file holds, read again; undefined when it is not there. */
  describe(name: string): Promise<Packed | undefined>
  /**
   * Waits for room, then lets `write` make the file; what enough targets hold leaves to make room.
   *
   * @param mostBytes it may not become longer
   */
  add(name: string, mostBytes: number, write: (path: string) => Promise<Packed>, signal: AbortSignal): Promise<Packed>
  /** A target holds it: it leaves when all do, or when others wait for its room and enough do. */
  noteHolder(name: string, target: TargetId): Promise<void>
  /**
   * What recovery does not need any more, from whichever target, leaves.
   *
   * @param begins where the WAL of each target begins since it let go of what is older; undefined: it let go of none
   */
  letGo(begins: readonly (Beginning | undefined)[], segmentBytes: number): Promise<void>
}

export interface WalSpoolOptions {
  folder: string
  maxBytes: number
  targets: readonly TargetId[]
  required: number
  log: Logger
}

/** Opens the folder and sweeps what was not finished; what lies there from before stays until targets are known to hold it. */
export async function openWalSpool(opts: WalSpoolOptions): Promise<WalSpool> {
  const { folder, maxBytes, log } = opts
  await mkdir(folder, { recursive: true, mode: 0o700 })
  const found = await sweep(folder)
  const usedBytes = [...found.values()].reduce((sum, bytes) => sum + bytes, 0)
  const space = room({
    ...{ maxBytes, usedBytes, stalledAfterMs: Number.POSITIVE_INFINITY },
    onWait: (facts) =>
      log.warn(
        { event: 'wal-spool.waiting', ...facts },
        'the room for WAL is full: the server keeps it until targets take it',
      ),
  })
  return new Folder(opts, space, found)
}

class Folder implements WalSpool {
  readonly folder: string
  readonly #opts: WalSpoolOptions
  readonly #room: Room
  /** Name → bytes, oldest first. */
  readonly #files: Map<string, number>
  readonly #holders = new Map<string, Set<TargetId>>()
  #waiting = 0

  constructor(opts: WalSpoolOptions, space: Room, files: Map<string, number>) {
    this.folder = opts.folder
    this.#opts = opts
    this.#room = space
    this.#files = files
  }

  get usedBytes(): number {
    return this.#room.used
  }

  names(): string[] {
    return [...this.#files.keys()]
  }

  async describe(name: string): Promise<Packed | undefined> {
    if (!this.#files.has(name)) return undefined
    const sha256 = createHash('sha256')
    const md5 = createHash('md5')
    let bytes = 0
    const path = join(this.folder, name)
    const read = async () => {
      for await (const chunk of createReadStream(path) as AsyncIterable<Buffer>) {
        sha256.update(chunk)
        md5.update(chunk)
        bytes += chunk.byteLength
      }
      return { bytes, sha256: sha256.digest('hex') as Sha256, md5: md5.digest('hex') as Md5 }
    }
    return unlessAbsent(path, read())
  }

  async add(
    name: string,
    mostBytes: number,
    write: (path: string) => Promise<Packed>,
    signal: AbortSignal,
  ): Promise<Packed> {
    await this.#enter(mostBytes, signal)
    let taken = mostBytes
    try {
      const packed = await write(join(this.folder, name))
      this.#room.give(mostBytes - packed.bytes)
      taken = 0
      this.#files.set(name, packed.bytes)
      return packed
    } finally {
      this.#room.give(taken)
    }
  }

  async noteHolder(name: string, target: TargetId): Promise<void> {
    if (!this.#files.has(name)) return
    const holders = this.#holders.get(name) ?? new Set()
    this.#holders.set(name, holders.add(target))
    if (this.#isWithAll(name) || (this.#waiting > 0 && this.#isWithEnough(name))) await this.#remove(name)
  }

  async letGo(begins: readonly (Beginning | undefined)[], segmentBytes: number): Promise<void> {
    const words = begins.map((each) => each && { timeline: each.timeline, before: formatLsn(each.lsn) })
    for (const name of this.names()) {
      const object = parseWalKey(name)
      if (object !== undefined && words.every((word) => word && endsBefore(object, word, segmentBytes)))
        await this.#remove(name)
    }
  }

  async #enter(bytes: number, signal: AbortSignal): Promise<void> {
    this.#waiting += 1
    try {
      for (const name of this.names()) {
        if (this.#room.used + bytes <= this.#opts.maxBytes) break
        if (this.#isWithEnough(name)) await this.#remove(name)
      }
      await this.#room.take(bytes, signal)
    } finally {
      this.#waiting -= 1
    }
  }

  #isWithAll(name: string): boolean {
    return this.#opts.targets.every((target) => this.#holders.get(name)?.has(target))
  }

  #isWithEnough(name: string): boolean {
    return (this.#holders.get(name)?.size ?? 0) >= Math.min(this.#opts.required, this.#opts.targets.length)
  }

  async #remove(name: string): Promise<void> {
    const bytes = this.#files.get(name)
    if (bytes === undefined) return
    this.#files.delete(name)
    this.#holders.delete(name)
    const path = join(this.folder, name)
    await unlessAbsent(path, unlink(path))
    this.#room.give(bytes)
  }
}

/** @returns name → bytes of what is finished, in the order of their names */
async function sweep(folder: string): Promise<Map<string, number>> {
  const files = new Map<string, number>()
  for (const name of (await readdir(folder)).sort()) {
    const path = join(folder, name)
    if (name.endsWith(PARTIAL)) await rm(path, { force: true })
    else if (parseWalKey(name) !== undefined) files.set(name, (await unlessAbsent(path, stat(path)))?.size ?? 0)
  }
  return files
}

/** Whether a name in the folder is one that may be handed out. */
export function isWalFile(name: string): boolean {
  return parseWalKey(name) !== undefined && !name.includes('/')
}

export function walFolder(spoolPath: string, sourceId: SourceId): string {
  return join(spoolPath, 'wal', sourceId)
}
