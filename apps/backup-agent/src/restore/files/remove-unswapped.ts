import { rm } from 'node:fs/promises'
import type { Entry } from '../book.ts'

/** What a restore of a tree has put together, unless it may be production: it is behind the swap, and may be while nobody knows whether it was swapped. */
export async function removeUnswapped({ stage, files }: Entry): Promise<void> {
  if (stage === 'swapping' || stage === 'swapped' || !files) return
  for (const path of [files.link, files.folder])
    if (path !== undefined) await rm(path, { recursive: true, force: true })
}
