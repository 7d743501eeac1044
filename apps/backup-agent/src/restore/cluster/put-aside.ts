import { readdir, rm } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { asideOf } from '@lifeboat/recovery/swap/aside-names.ts'
import { beginOwnTimeline, takenBy } from '@lifeboat/recovery/swap/own-timeline.ts'
import { presentCluster } from '@lifeboat/recovery/swap/present-cluster.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import type { Command } from '../command.ts'
import { STOP_MS } from './serve-beside.ts'
import { apartFolder, emptyFolder } from './site.ts'
import { serverTools } from './work.ts'

/** The newest first. */
export async function putAside(place: string): Promise<{ path: string; why: 'before' | 'reverted'; atMs: number }[]> {
  const names = await readdir(dirname(place))
  return asideOf(basename(place), names).map(({ name, ...more }) => ({ path: join(dirname(place), name), ...more }))
}

/**
 * Gives a cluster that lies next to the data directory a timeline newer than all that had its place, while the present server goes on.
 *
 * @throws LifeboatError RESTORE_CLUSTER_UNFIT | RESTORE_STILL_RUNNING | RECOVERY_…
 */
export async function goOnApart({ order, run, ...command }: Command, place: string, back: string): Promise<void> {
  const { deps, entry, report } = command
  report('timeline')
  const present = await presentCluster(back)
  if (present?.major === undefined)
    throw new LifeboatError('RESTORE_CLUSTER_UNFIT', {
      problem: 'what is to have the place is no cluster',
      place: back,
    })
  const tools = await serverTools({ deps }, present.major)
  const others = [place, ...(await putAside(place)).map(({ path }) => path)].filter((path) => path !== back)
  const taken = entry().taken ?? (await takenBy(others, back, tools))
  await command.step(entry().stage, { back, taken })
  const folder = await emptyFolder(apartFolder(place, order.restoreId), present)
  const about = { taken, folder, account: present, tools, patienceMs: STOP_MS, signal: run.signal }
  const timeline = await beginOwnTimeline(back, about).finally(() => rm(folder, { recursive: true, force: true }))
  run.log.info({ event: 'restore.timeline', timeline }, 'what is to have the place has a timeline of its own')
}
