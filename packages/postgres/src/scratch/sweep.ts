import { readdir, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { Logger } from '@lifeboat/shared/log/logger.ts'
import type { Clock } from '@lifeboat/shared/time/clock.ts'
import { stopBelow, stopLeftServer } from './left-server.ts'
import { isAlive, readNote, type ScratchNote } from './owner.ts'
import { TEMPLATE_PREFIX } from './template.ts'

export const SCRATCH_PREFIX = 'scratch-'

/**
 * Removes what killed processes left below a scratch path: stops their servers, then deletes the folders. Folders of living processes stay, those of
 * other containers and machines on the same volume too, and kept ones until their time is over.
 *
 * @returns names of the folders removed
 */
export async function sweepScratch(root: string, { clock, log }: { clock: Clock; log: Logger }): Promise<string[]> {
  const names = (await readdir(root).catch(() => [])).filter((name) => name.startsWith(SCRATCH_PREFIX))
  const removed: string[] = []
  for (const name of names) {
    const folder = join(root, name)
    const note = await readNote(folder)
    if (await mustStay(folder, note, clock.now())) continue
    // A killed verifier leaves its server running, since that is a process of its own, and one that had only begun, too.
    await stopBelow(folder, { patienceMs: LEFT_SERVER_MS })
    await removeScratch(folder, note)
    removed.push(name)
    log.warn({ event: 'scratch.swept', folder }, 'removed a scratch server that nobody uses any more')
  }
  await removeOldTemplates(root, clock.now())
  return removed
}

/** A server that was asked to end at once is given so long. */
const LEFT_SERVER_MS = 10_000
const TEMPLATE_AGE_MS = 30 * 24 * 3_600_000

/** Of servers that were upgraded since, or of superusers that no source has any more. */
async function removeOldTemplates(root: string, now: number): Promise<void> {
  const names = (await readdir(root).catch(() => [])).filter((name) => name.startsWith(TEMPLATE_PREFIX))
  for (const name of names) {
    // One that is gone was found unfit by a drill meanwhile.
    const found = await stat(join(root, name)).catch(() => undefined)
    if (found && now - found.mtimeMs > TEMPLATE_AGE_MS) await rm(join(root, name), { recursive: true, force: true })
  }
}

/** Its maker may be about to write the note into a folder as young as this. */
const NOTELESS_MS = 300_000

async function mustStay(folder: string, note: ScratchNote | undefined, now: number): Promise<boolean> {
  if (note === undefined) {
    const madeAt = await stat(folder).then(
      ({ mtimeMs }) => mtimeMs,
      () => now,
    )
    return now - madeAt <= NOTELESS_MS
  }
  return note.keptUntil === undefined ? isAlive(folder, note, now) : note.keptUntil > now
}

export async function removeScratch(folder: string, note: Pick<ScratchNote, 'socketDir'> | undefined): Promise<void> {
  await stopLeftServer(join(folder, 'data'), { mode: 'immediate', patienceMs: LEFT_SERVER_MS })
  if (note && !note.socketDir.startsWith(folder)) await rm(note.socketDir, { recursive: true, force: true })
  await rm(folder, { recursive: true, force: true })
}
