import { type FSWatcher, watch } from 'node:fs'
import { chown, mkdir, readdir, rename, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import type { Account } from '@lifeboat/postgres/scratch/owner.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import type { Run } from '@lifeboat/shared/run/run.ts'
import { forget } from '@lifeboat/shared/service/forget.ts'
import { holdMemory } from '@lifeboat/shared/service/lean-memory.ts'
import { orDiskFull } from '../disk-full.ts'
import { getWalScript, restoreCommand } from './get-wal-script.ts'

/** Serves restore_command while PostgreSQL recovers. Disposing makes whatever is still asked for fail. */
export interface WalGetter extends AsyncDisposable {
  readonly restoreCommand: string
  /** Why a file that was asked for could not be given. Recovery stopped because of it. */
  readonly trouble: LifeboatError | undefined
  /** Fetches this file and what comes after it before anybody asks. */
  ahead(name: string): void
  /** The goal is reached: fetches no more before anybody asks, unless somebody asks again. */
  rest(): void
  /** The file as it would be given, for a look of one's own; undefined when the archive ends before it. */
  look(name: string): Promise<Buffer | undefined>
}

/** Where the files come from. */
export interface WalShelf {
  /** The file, checked; undefined when the archive ends before it. Its memory is given back when it was written. */
  produce(name: string): Promise<Buffer | undefined>
  /** What will be asked for after this one, nearest first. */
  after(name: string): Iterable<string>
  /** Memory that one file takes while it comes. */
  readonly takesBytes: number
}

export interface WalGetterOptions {
  /** @param signal fires when nobody asks any more */
  openShelf: (signal: AbortSignal) => Promise<WalShelf>
  /** Made here, on the file system of the data directory. */
  folder: string
  /** The server's own, who moves the files. */
  account: Account
  run: Pick<Run, 'signal' | 'log'>
  /** How long a target may be away before recovery is stopped; default five minutes. */
  patienceMs?: number
  /** Told what is asked for, as it is asked for. */
  onWanted?: (name: string) => void
}

const PATIENCE_MS = 300_000
const PAUSE_MS = 1_000
const BEAT_MS = 1_000
/** A file system may not tell of new files. */
const LOOK_MS = 250
/** Fetched at the same time. */
const LANES = 3

/** `ready`: lies there · `taken`: was moved by the one who asked, or is about to be. */
interface Entry {
  state: 'coming' | 'ready' | 'taken'
  asked: boolean
}

export async function openWalGetter(opts: WalGetterOptions): Promise<WalGetter> {
  const stop = new AbortController()
  const signal = AbortSignal.any([opts.run.signal, stop.signal])
  const getter = new Getter(opts, await opts.openShelf(signal), stop)
  await getter.open()
  return getter
}

class Getter implements WalGetter {
  readonly restoreCommand: string
  trouble: LifeboatError | undefined
  readonly #opts: WalGetterOptions
  readonly #shelf: WalShelf
  readonly #stop: AbortController
  readonly #entries = new Map<string, Entry>()
  readonly #busy = new Set<Promise<void>>()
  #ahead: Iterator<string> | undefined
  #looking: Promise<void> | undefined
  #beating: Promise<void> | undefined
  #watcher: FSWatcher | undefined
  #timers: NodeJS.Timeout[] = []

  constructor(opts: WalGetterOptions, shelf: WalShelf, stop: AbortController) {
    this.#opts = opts
    this.#shelf = shelf
    this.#stop = stop
    this.restoreCommand = restoreCommand(this.#path('get-wal'))
  }

  async open(): Promise<void> {
    const { folder, run } = this.#opts
    for (const each of ['', 'want', 'ready', 'absent', 'failed', 'coming'])
      await this.#give(await made(join(folder, each)))
    await writeFile(this.#path('get-wal'), getWalScript())
    await this.#give(this.#path('get-wal'))
    let beats = 0
    const beat = () => {
      this.#beating = writeFile(this.#path('beat'), `${beats++}\n`).catch(() => {})
    }
    await writeFile(this.#path('beat'), '\n', { mode: 0o644 })
    await this.#give(this.#path('beat'))
    this.#timers = [setInterval(beat, BEAT_MS), setInterval(() => this.#look(), LOOK_MS)]
    try {
      this.#watcher = watch(this.#path('want'), () => this.#look())
      this.#watcher.on('error', () => {})
    } catch (err) {
      // An account may have a limited number of them; looking now and then does, too.
      run.log.debug({ event: 'wal.unwatched', err }, 'requests for WAL are looked for by the clock alone')
    }
  }

  ahead(name: string): void {
    if (!this.#entries.has(name)) this.#begin(name, false)
    this.#goOnAfter(name)
  }

  rest(): void {
    this.#ahead = undefined
  }

  async look(name: string): Promise<Buffer | undefined> {
    using _held = holdMemory(this.#shelf.takesBytes)
    return await this.#patiently(name)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort()
    this.#watcher?.close()
    for (const timer of this.#timers) clearInterval(timer)
    await Promise.all([this.#looking, this.#beating])
    await Promise.all(this.#busy)
    await writeFile(this.#path('stopped'), '').catch(() => {})
  }

  #look(): void {
    this.#looking ??= this.#readWants().finally(() => {
      this.#looking = undefined
    })
  }

  async #readWants(): Promise<void> {
    for (const name of await readdir(this.#path('want')).catch(() => [])) {
      await rm(this.#path('want', name), { force: true })
      await this.#wanted(name)
    }
  }

  async #wanted(name: string): Promise<void> {
    const entry = this.#entries.get(name)
    this.#opts.onWanted?.(name)
    if (entry?.state === 'ready') entry.state = 'taken'
    else if (entry?.state === 'coming') entry.asked = true
    else if (!(await exists(this.#path('ready', name)))) this.#begin(name, true)
    this.#goOnAfter(name)
  }

  #goOnAfter(name: string): void {
    this.#ahead = this.#shelf.after(name)[Symbol.iterator]()
    this.#fillLanes()
  }

  #fillLanes(): void {
    while (this.#busy.size < LANES && !this.#stop.signal.aborted) {
      const next = this.#ahead?.next()
      if (!next || next.done) return
      if (!this.#entries.has(next.value)) this.#begin(next.value, false)
    }
  }

  #begin(name: string, asked: boolean): void {
    const entry: Entry = { state: 'coming', asked }
    this.#entries.set(name, entry)
    const work = this.#bring(name, entry).finally(() => {
      this.#busy.delete(work)
      this.#fillLanes()
    })
    this.#busy.add(work)
  }

  async #bring(name: string, entry: Entry): Promise<void> {
    using _held = holdMemory(this.#shelf.takesBytes)
    try {
      const bytes = await this.#patiently(name)
      if (bytes) await this.#put(name, bytes)
      else await this.#mark('absent', name, '')
      entry.state = entry.asked ? 'taken' : 'ready'
    } catch (thrown) {
      this.#entries.delete(name)
      // What nobody asked for yet is tried again when somebody does.
      if (entry.asked && !this.#stop.signal.aborted)
        await this.#fail(name, LifeboatError.from(orDiskFull(thrown, this.#opts.folder)))
    }
  }

  /** Waits for a target that is away; anything else is told at once. */
  async #patiently(name: string): Promise<Buffer | undefined> {
    const until = Date.now() + (this.#opts.patienceMs ?? PATIENCE_MS)
    for (;;) {
      try {
        return await this.#shelf.produce(name)
      } catch (thrown) {
        const passing = LifeboatError.is(thrown, 'TARGET_UNREACHABLE') && Date.now() < until
        if (!passing || this.#stop.signal.aborted || this.#opts.run.signal.aborted) throw thrown
        await pause(PAUSE_MS)
      }
    }
  }

  async #put(name: string, bytes: Buffer): Promise<void> {
    const coming = this.#path('coming', name)
    await writeFile(coming, bytes, { mode: 0o600 })
    forget(bytes)
    await this.#give(coming)
    await rename(coming, this.#path('ready', name))
  }

  async #fail(name: string, err: LifeboatError): Promise<void> {
    this.trouble ??= err
    this.#opts.run.log.error({ event: 'wal.ungiven', err, name }, 'could not give recovery a file of WAL')
    await this.#mark('failed', name, `${err.message}\n`).catch(() => {})
  }

  async #mark(answer: 'absent' | 'failed', name: string, text: string): Promise<void> {
    await writeFile(this.#path(answer, name), text)
    await this.#give(this.#path(answer, name))
  }

  #path(...steps: string[]): string {
    return join(this.#opts.folder, ...steps)
  }

  async #give(path: string): Promise<void> {
    if (process.getuid?.() === 0) await chown(path, this.#opts.account.uid, this.#opts.account.gid)
  }
}

async function made(folder: string): Promise<string> {
  await mkdir(folder, { recursive: true, mode: 0o700 })
  return folder
}

function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  )
}
