import { isUtf8 } from 'node:buffer'
import { readdir, readlink, realpath, symlink } from 'node:fs/promises'
import { dirname, isAbsolute, join, relative } from 'node:path'
import { changesStage } from '@lifeboat/files/changes/changes-stage.ts'
import { startingPoints } from '@lifeboat/files/take/starting-points.ts'
import { runPipeline } from '@lifeboat/postgres/pipeline/run-pipeline.ts'
import { whole } from '@lifeboat/recovery/fetch/unseal.ts'
import type { Replayed } from '@lifeboat/recovery/files/replay-chain.ts'
import { isThere, type PlaceSwap } from '@lifeboat/recovery/swap/swap-places.ts'
import { FilesChanges, type FilesLeft } from '@lifeboat/shared/domain/restore-files.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import type { FilesCommand, FilesCommandTo } from '../command.ts'
import { asidePath } from '../places.ts'
import { placesUnfit, type TreeSite } from './site.ts'

export interface PreparedSwaps {
  swaps: PlaceSwap[]
  left: FilesLeft
}

/**
 * Decides what of an extracted tree goes where, and says what that changes.
 *
 * @throws LifeboatError RESTORE_FILES_UNFIT
 */
export async function prepareSwaps(
  command: FilesCommandTo<'restore'>,
  site: TreeSite,
  replayed: readonly Replayed[],
): Promise<PreparedSwaps> {
  const { files, report, deps } = command
  report('compare')
  const names = await partsOf(site, replayed, files.include)
  const pairs = names.map((name) => ({ name, live: join(site.real, name), next: join(site.folder, name) }))
  const changes = await changesOf(command, pairs)
  const unfit = names.includes('.')
    ? []
    : await placesUnfit(
        pairs.map(({ live }) => live),
        site.folder,
      )
  if (unfit.length > 0) throw new LifeboatError('RESTORE_FILES_UNFIT', { problem: unfit.join('; '), root: site.root })
  const atMs = deps.clock.now()
  const swaps = names.includes('.')
    ? [await wholeSwap(site, atMs)]
    : await Promise.all(pairs.map(({ live, next }) => swapOf(live, next, atMs)))
  const total = (of: 'files' | 'bytes') => replayed.reduce((sum, { compared }) => sum + compared[of], 0)
  return { swaps, left: { root: files.root, files: total('files'), bytes: total('bytes'), changes } }
}

/**
 * Names below root that are put in place by themselves: `.` for all of it. A backup of parts says which by what it holds; of one of the whole tree, parts the source
 * includes by now are taken.
 */
async function partsOf(site: TreeSite, replayed: readonly Replayed[], include: readonly string[]): Promise<string[]> {
  if (!replayed.some(({ extracted }) => extracted.whole))
    return topsOf(site.folder, '', new Set(replayed.flatMap(({ extracted }) => extracted.above)))
  if (site.swap !== 'parts') return ['.']
  return (await startingPoints(site.folder, include)).map((point) => textOf(point))
}

/** What is not only there to hold something else. */
async function topsOf(folder: string, name: string, above: ReadonlySet<string>): Promise<string[]> {
  const tops: string[] = []
  for (const entry of await readdir(join(folder, name), { encoding: 'buffer' })) {
    const below = name === '' ? textOf(entry) : `${name}/${textOf(entry)}`
    if (above.has(Buffer.from(below).toString('latin1'))) tops.push(...(await topsOf(folder, below, above)))
    else tops.push(`./${below}`)
  }
  return tops.sort()
}

/** @throws LifeboatError RESTORE_FILES_UNFIT */
function textOf(name: Buffer): string {
  if (isUtf8(name)) return name.toString()
  throw new LifeboatError('RESTORE_FILES_UNFIT', {
    problem: `${name.toString('latin1')} is no UTF-8, so it cannot be swapped by itself`,
  })
}

async function wholeSwap({ root, link, folder }: TreeSite, atMs: number): Promise<PlaceSwap> {
  if (link === undefined) return swapOf(root, folder, atMs)
  // Of the same sort as the one that is there: trees are moved with their links. A link is followed from where it really lies.
  const leads = isAbsolute(await readlink(root)) ? folder : relative(await realpath(dirname(root)), folder)
  await symlink(leads, link)
  return swapOf(root, link, atMs)
}

async function swapOf(place: string, next: string, atMs: number): Promise<PlaceSwap> {
  return { place, next, aside: await asidePath(place, 'before', atMs), was: await isThere(place) }
}

async function changesOf(
  { files, run }: FilesCommand,
  pairs: readonly { name: string; live: string; next: string }[],
): Promise<FilesChanges> {
  const input = (async function* () {
    yield Buffer.from(JSON.stringify({ exclude: files.exclude, pairs }))
  })()
  return FilesChanges.parse(JSON.parse((await runPipeline([changesStage()], whole, run, { input })).result))
}
