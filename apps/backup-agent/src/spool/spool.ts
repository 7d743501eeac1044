import { mkdir, readdir, readFile, rm, stat, statfs, unlink } from 'node:fs/promises'
import { join } from 'node:path'
import type { BackupId, TargetId } from '@lifeboat/shared/domain/ids.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import type { Logger } from '@lifeboat/shared/log/logger.ts'
import { Attempt } from '../attempt.ts'
import type { SpoolConfig } from '../config.ts'
import {
  ATTEMPT,
  DROPPED,
  HELD_BY,
  inSpool,
  isPartName,
  MANIFEST,
  markDurably,
  PARTIAL,
  renameDurably,
  unlessAbsent,
  writeDurably,
} from './files.ts'
import { lockSpool } from './lock.ts'
import { type Room, room } from './room.ts'

/** A backup that has a folder in the spool. */
export interface Spooled {
  readonly attempt: Attempt
  readonly folder: string
  /** File name → targets that hold it. */
  readonly holders: Map<string, Set<TargetId>>
}

/** The agent's bounded waiting room for parts; one folder per attempt. */
export interface Spool extends AsyncDisposable {
  readonly path: string
  readonly partBytes: number
  readonly room: Room
  get(backupId: BackupId): Spooled | undefined
  all(): Spooled[]
  /** @throws LifeboatError SPOOL_DISK_FULL – the disk has less than a dump may take right away */
  demandDisk(): Promise<void>
  /** @throws LifeboatError SPOOL_DISK_FULL – as `demandDisk`, or there is no room for the first file */
  begin(attempt: Attempt): Promise<Spooled>
  isSealed(spooled: Spooled): Promise<boolean>
  /** Writes down that a target holds a file. */
  noteHolder(spooled: Spooled, file: string, target: TargetId): Promise<Set<TargetId>>
  /** Takes one file away; its room is free again. Absent is fine. */
  remove(spooled: Spooled, file: string): Promise<void>
  /** Takes the whole folder away. */
  drop(spooled: Spooled): Promise<void>
}

/**
 * Opens the folder for this process alone and finds what an earlier process left there; unfinished files are swept.
 *
 * @throws LifeboatError SPOOL_IN_USE | SPOOL_DISK_FULL | SPOOL_UNREADABLE – whether a backup lies there cannot be told
 */
export async function openSpool(cfg: SpoolConfig, log: Logger): Promise<Spool> {
  const backups = join(cfg.path, 'backups')
  await mkdir(backups, { recursive: true, mode: 0o700 })
  const lock = await lockSpool(cfg.path)
  const spooled = new Map<BackupId, Spooled>()
  for (const found of await findAll(backups)) spooled.set(found.attempt.backupId, found)
  const sizes = await Promise.all([...spooled.values()].map(({ folder }) => bytesOf(folder)))
  const space = room({
    maxBytes: cfg.maxBytes,
    usedBytes: sizes.reduce((sum, bytes) => sum + bytes, 0),
    stalledAfterMs: cfg.stalledAfterMs,
    onWait: (facts) =>
      log.warn({ event: 'spool.waiting', ...facts }, 'the spool is full, the dump waits for uploaders'),
  })
  return {
    path: cfg.path,
    partBytes: Math.min(cfg.partBytes, cfg.maxBytes),
    room: space,
    get: (backupId) => spooled.get(backupId),
    all: () => [...spooled.values()],
    demandDisk: () => expectDisk(cfg, space),
    async begin(attempt) {
      await expectDisk(cfg, space)
      const folder = join(backups, attempt.backupId)
      await inSpool(() => mkdir(folder, { mode: 0o700 }))
      await writeDurably(join(folder, ATTEMPT), JSON.stringify(attempt)).catch(async (err: unknown) => {
        await rm(folder, { recursive: true, force: true })
        throw err
      })
      const begun = { attempt, folder, holders: new Map() }
      spooled.set(attempt.backupId, begun)
      return begun
    },
    isSealed: ({ folder }) => exists(join(folder, MANIFEST)),
    async noteHolder({ folder, holders }, file, target) {
      // On the disk before the fact is acknowledged: it will not come again.
      const marker = join(folder, `${file}${HELD_BY}${target}`)
      await unlessAbsent(marker, markDurably(marker))
      const known = holders.get(file) ?? new Set()
      holders.set(file, known.add(target))
      return known
    },
    async remove({ folder }, file) {
      const path = join(folder, file)
      const bytes = await sizeOf(path)
      // Of several that take it away at once only one finds it there, and only that one gives its room back.
      const taken = await unlessAbsent(
        path,
        unlink(path).then(() => true),
      )
      if (taken && isPartName(file)) space.give(bytes)
    },
    async drop({ attempt, folder }) {
      const dropped = folder + DROPPED
      // One step, so that nobody ever finds a backup with missing parts; the first of several wins.
      const taken = await unlessAbsent(
        folder,
        renameDurably(folder, dropped).then(() => true),
      )
      if (!taken) return
      spooled.delete(attempt.backupId)
      const bytes = await bytesOf(dropped)
      await rm(dropped, { recursive: true, force: true, maxRetries: 3 })
      space.give(bytes)
    },
    [Symbol.asyncDispose]: () => lock[Symbol.asyncDispose](),
  }
}

/** Two parts are in the making at a time; a disk without room for them would break the dump half-way. */
async function expectDisk({ path, maxBytes, partBytes }: SpoolConfig, { used }: Room): Promise<void> {
  const { bavail, bsize } = await statfs(path)
  const freeBytes = bavail * bsize
  const neededBytes = Math.min(maxBytes - used, 2 * partBytes)
  if (freeBytes < neededBytes) throw new LifeboatError('SPOOL_DISK_FULL', { path, freeBytes, neededBytes })
}

async function findAll(backups: string): Promise<Spooled[]> {
  const found: Spooled[] = []
  for (const name of await readdir(backups)) {
    const folder = join(backups, name)
    if (name.endsWith(DROPPED)) {
      await rm(folder, { recursive: true, force: true, maxRetries: 3 })
      continue
    }
    const attempt = await readAttempt(folder)
    if (attempt === undefined) await sweepUnbegun(folder)
    else found.push({ attempt, folder, holders: await sweepFolder(folder) })
  }
  return found
}

async function readAttempt(folder: string): Promise<Attempt | undefined> {
  const path = join(folder, ATTEMPT)
  const text = await unlessAbsent(path, readFile(path, 'utf8'))
  if (text === undefined) return undefined
  try {
    return Attempt.parse(JSON.parse(text))
  } catch (cause) {
    throw new LifeboatError('SPOOL_UNREADABLE', { path }, { cause })
  }
}

/**
 * Its agent died before the first line was written down, so nobody was told of it.
 *
 * @throws LifeboatError SPOOL_UNREADABLE – there is more in it than such an agent leaves
 */
async function sweepUnbegun(folder: string): Promise<void> {
  const names = await readdir(folder)
  if (names.some((name) => name === MANIFEST || isPartName(name)))
    throw new LifeboatError('SPOOL_UNREADABLE', { path: folder, missing: ATTEMPT })
  await rm(folder, { recursive: true, force: true })
}

async function sweepFolder(folder: string): Promise<Map<string, Set<TargetId>>> {
  const holders = new Map<string, Set<TargetId>>()
  for (const name of await readdir(folder)) {
    if (name.endsWith(PARTIAL)) await rm(join(folder, name), { force: true })
    const [file = '', target] = name.split(HELD_BY)
    if (target !== undefined) holders.set(file, (holders.get(file) ?? new Set()).add(target as TargetId))
  }
  return holders
}

/** Bytes of the parts that are still there. */
async function bytesOf(folder: string): Promise<number> {
  const parts = (await readdir(folder)).filter(isPartName)
  const sizes = await Promise.all(parts.map((name) => sizeOf(join(folder, name))))
  return sizes.reduce((sum, bytes) => sum + bytes, 0)
}

async function sizeOf(path: string): Promise<number> {
  return (await unlessAbsent(path, stat(path)))?.size ?? 0
}

async function exists(path: string): Promise<boolean> {
  return (await unlessAbsent(path, stat(path))) !== undefined
}
