import { mkdir } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { PhysicalManifest } from '@lifeboat/recovery/extract/extract-backup.ts'
import { ownEndOf } from '@lifeboat/recovery/recover/own-last-record.ts'
import { isThere } from '@lifeboat/recovery/swap/swap-places.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import type { Command } from '../command.ts'
import { CLOCKS_APART_MS } from '../put-back.ts'
import type { Ending } from '../tell.ts'
import { type BesideNote, isNoNote, readBeside, writeBeside } from './beside-note.ts'
import { recoverApart, removeApart } from './recover-apart.ts'
import { serveBeside } from './serve-beside.ts'
import { besideFolders, type Site, siteOf } from './site.ts'
import { demandAction } from './work.ts'

/**
 * Recovers a cluster into a folder of its own and starts it there, for a look. Production is not touched.
 *
 * May be called again after the agent died: what was recovered to its end stays so, anything less is begun anew.
 *
 * @throws LifeboatError – nothing is left beside
 */
export async function restoreBeside(command: Command): Promise<Ending> {
  const { order, run, deps, report } = demandAction(command, 'restore')
  const site = await siteOf(command, order, order)
  const made = await readBeside(site.folder)
  if (made && made.restoreId !== order.restoreId)
    throw new LifeboatError('RESTORE_CLUSTER_UNFIT', {
      problem: 'there is a cluster beside of this source already',
      place: site.folder,
      restoreId: made.restoreId,
    })
  const note = made ?? (await recoverBeside(command, site))
  await command.step('ready')
  report('start')
  const state = note.goal.to === 'latest' ? 'promoted' : 'paused'
  try {
    const cluster = await serveBeside(site.folder, { ...note, state }, { deps, signal: run.signal })
    return { outcome: 'done', swapped: false, cluster }
  } catch (thrown) {
    // A deploy: the next delivery starts it.
    if (command.cancelled.aborted || !run.signal.aborted) await removeApart(site.folder)
    throw thrown
  }
}

async function recoverBeside(command: Command, site: Site): Promise<BesideNote> {
  const { order } = demandAction(command, 'restore')
  await mkdir(dirname(site.folder), { recursive: true, mode: 0o755 })
  const { recovered, plan } = await recoverApart(command, site)
  const { goal, timeline } = plan.planned.plan
  const ownEnd = ownEndOf((plan.planned.chain.at(-1) as PhysicalManifest).physical)
  const { restoreId, sourceId, place, backupId, port = 0 } = order
  const about = {
    restoreId,
    sourceId,
    place,
    backupId,
    port,
    major: plan.planned.told.server.major,
    goal,
    ...(ownEnd && { ownEnd }),
    timeline,
    recovered,
  }
  const note: BesideNote = { ...about, state: goal.to === 'latest' ? 'promoted' : 'paused' }
  await writeBeside(site.folder, note)
  return note
}

/** Removes the cluster beside for good, whatever its state, if it was there when the operator signed. */
export async function releaseBeside(command: Command): Promise<Ending> {
  const { sourceId, issuedAt } = command.order
  const folders = await besideFolders(command, sourceId)
  const there = await Promise.all(folders.map(isThere))
  const found = folders.filter((_, no) => there[no])
  const begun = command.entry().stage !== 'accepted'
  if (!begun && found.length === 0) throw new LifeboatError('RESTORE_NOTHING_BESIDE', { sourceId })
  for (const folder of found) {
    const since = await thereSince(command, folder)
    if (since !== undefined && Date.parse(since) > Date.parse(issuedAt) + CLOCKS_APART_MS)
      throw new LifeboatError('RESTORE_NOTHING_BESIDE', { sourceId, issuedAt, since })
  }
  // Nothing brings it back.
  command.run.signal.throwIfAborted()
  await command.step('ready')
  for (const folder of found) await removeApart(folder)
  return { outcome: 'done', swapped: false, dropped: found }
}

/** undefined: nobody knows, it did not come to its end. */
async function thereSince({ deps }: Command, folder: string): Promise<string | undefined> {
  const made = await readBeside(folder).catch((thrown: unknown) => {
    if (!isNoNote(thrown)) throw thrown
    return undefined
  })
  return made && deps.restores.byId(made.restoreId)?.settled?.at
}
