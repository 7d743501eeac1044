import { spawnSync } from 'node:child_process'
import { chmodSync, mkdtempSync, rmSync, statfsSync, writeFileSync } from 'node:fs'
import { readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { isRunning, markOf, ownPlace } from '@lifeboat/shared/run/process-mark.ts'
import { type Place, whyNotInMemory } from './temp-place.ts'

const MEMORY = '/dev/shm'
/** @see https://man7.org/linux/man-pages/man2/statfs.2.html */
const TMPFS_MAGIC = 0x01021994
/** Names are short, because paths of sockets have to be. */
const PREFIX = 'lbt-'
/** Whose run it is. */
const OWNER = 'run.json'

/**
 * A temporary folder of one's own for a run of tests, removed behind it: what is killed on purpose cannot clean up behind itself.
 *
 * It lies in memory where there is enough of it: most of what the kernel does in a run is to make and remove small files. Where `TMPDIR` is
 * set it lies there. What a run left that was killed itself is removed by the next.
 *
 * @public vitest finds it by this file's name
 */
export default async function setup(): Promise<() => void> {
  const parent = process.env.TMPDIR === undefined && inMemory() ? MEMORY : tmpdir()
  await sweep(parent)
  const folder = mkdtempSync(join(parent, PREFIX))
  writeFileSync(join(folder, OWNER), JSON.stringify(await markOf(process.pid)))
  // Servers run as another user.
  chmodSync(folder, 0o1777)
  process.env.TMPDIR = folder
  return () => rmSync(folder, { recursive: true, force: true, maxRetries: 5 })
}

function inMemory(): boolean {
  const why = whyNotInMemory(lookAt(MEMORY), process.availableMemory())
  if (why !== undefined) console.log(`Temporary files of this run are in ${tmpdir()}, not in ${MEMORY}: ${why}.`)
  return why === undefined
}

function lookAt(path: string): Place | undefined {
  try {
    const { type, bavail, bsize, ffree } = statfsSync(path)
    return {
      inMemory: type === TMPFS_MAGIC,
      runsPrograms: runsPrograms(path),
      freeBytes: bavail * bsize,
      freeFiles: ffree,
    }
  } catch {
    return undefined
  }
}

function runsPrograms(path: string): boolean {
  const folder = mkdtempSync(join(path, PREFIX))
  try {
    writeFileSync(join(folder, 'program'), '#!/bin/sh\n', { mode: 0o700 })
    return spawnSync(join(folder, 'program')).status === 0
  } finally {
    rmSync(folder, { recursive: true })
  }
}

async function sweep(parent: string): Promise<void> {
  for (const name of await readdir(parent)) {
    const folder = join(parent, name)
    if (name.startsWith(PREFIX) && (await isLeft(folder)))
      await rm(folder, { recursive: true, force: true, maxRetries: 5 })
  }
}

/** Whether its run is over; of a run that this system cannot see, nobody knows. */
async function isLeft(folder: string): Promise<boolean> {
  try {
    const mark = JSON.parse(await readFile(join(folder, OWNER), 'utf8'))
    return mark.place !== undefined && mark.place === (await ownPlace()) && !(await isRunning(mark))
  } catch {
    return false
  }
}
