import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { Account } from '@lifeboat/postgres/scratch/owner.ts'

const run = promisify(execFile)

/** Runs a program to its end; what it said is in the error when it fails. */
export async function program(path: string, args: readonly string[], as: Partial<Account> = {}): Promise<void> {
  await run(path, args, { ...as, maxBuffer: 64 * 1024 ** 2 })
}

/** What a program prints. */
export async function output(path: string, args: readonly string[]): Promise<string> {
  return (await run(path, args)).stdout.trim()
}

/** @returns undefined where there is no such program */
export async function versionOf(path: string, args: readonly string[], pattern: RegExp): Promise<string | undefined> {
  const said = await run(path, args).then(
    ({ stdout }) => stdout,
    (err: NodeJS.ErrnoException) => {
      if (err.code === 'ENOENT') return ''
      throw err
    },
  )
  return pattern.exec(said)?.[1]
}

/** Sum of all files below a folder; a folder that is not there yet holds none. */
export async function bytesBelow(folder: string): Promise<number> {
  if (!existsSync(folder)) return 0
  const files = (await readdir(folder, { recursive: true, withFileTypes: true })).filter((entry) => entry.isFile())
  const sizes = await Promise.all(files.map(async (file) => (await stat(join(file.parentPath, file.name))).size))
  return sizes.reduce((sum, size) => sum + size, 0)
}

export async function seconds(work: () => Promise<unknown>): Promise<number> {
  const took = since()
  await work()
  return took()
}

/** @returns what tells the seconds since now */
export function since(): () => number {
  const began = performance.now()
  return () => (performance.now() - began) / 1000
}
