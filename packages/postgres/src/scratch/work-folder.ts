import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { claimFolder } from './owner.ts'
import { removeScratch, SCRATCH_PREFIX } from './sweep.ts'

export function workFolderPath(root: string, name: string): string {
  return join(root, `${SCRATCH_PREFIX}${name}-work`)
}

/** A private folder below the scratch path; disposing removes it, and so does the sweep when we were killed before. */
export async function openWorkFolder(root: string, name: string): Promise<AsyncDisposable> {
  const path = workFolderPath(root, name)
  await mkdir(root, { recursive: true, mode: 0o755 })
  await mkdir(path, { mode: 0o700 })
  const claim = await claimFolder(path, path)
  return {
    async [Symbol.asyncDispose]() {
      await claim[Symbol.asyncDispose]()
      await removeScratch(path, claim.note)
    },
  }
}
