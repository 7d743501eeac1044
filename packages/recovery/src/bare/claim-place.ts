import { chmod, chown, mkdir, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Account } from '@lifeboat/postgres/scratch/owner.ts'
import { demandEmpty } from './bare-plan.ts'

/** An empty folder for what is recovered; disposing empties it again, unless it was kept. */
export interface ClaimedPlace extends AsyncDisposable {
  readonly folder: string
  /** Makes an empty folder of the account in it. */
  makeFolder(name: string): Promise<string>
  keep(): void
}

/** @throws LifeboatError RECOVERY_PLACE_TAKEN */
export async function claimPlace(folder: string, account: Account): Promise<ClaimedPlace> {
  await demandEmpty(folder)
  await mkdir(folder, { recursive: true, mode: 0o755 })
  await own(folder, account)
  let kept = false
  return {
    folder,
    async makeFolder(name) {
      const path = join(folder, name)
      await mkdir(path)
      await own(path, account)
      return path
    },
    keep() {
      kept = true
    },
    async [Symbol.asyncDispose]() {
      if (kept) return
      for (const name of await readdir(folder)) await rm(join(folder, name), { recursive: true, force: true })
    },
  }
}

async function own(path: string, { uid, gid }: Account): Promise<void> {
  await chmod(path, 0o700)
  if (process.getuid?.() === 0) await chown(path, uid, gid)
}
