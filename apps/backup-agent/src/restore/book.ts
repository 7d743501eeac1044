import { mkdir, mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { RestoreSettled } from '@lifeboat/shared/bus/messages/restore.ts'
import { RestoreId, SourceId } from '@lifeboat/shared/domain/ids.ts'
import { ClusterLeft, PassedOver } from '@lifeboat/shared/domain/restore.ts'
import { FilesLeft } from '@lifeboat/shared/domain/restore-files.ts'
import { Timeline } from '@lifeboat/shared/domain/wal.ts'
import { z } from 'zod'
import { writeDurably } from '../spool/files.ts'

/**
 * How far a command has come; back to `accepted` before anything is restored anew, for behind it what lies beside is taken to be whole. Up to `stopping` production is untouched; from `swapping` on only the names in the server tell; from `swapped` on
 * nothing is restored again.
 */
const Stage = z.enum(['accepted', 'ready', 'stopping', 'swapping', 'swapped', 'settled'])

const PlaceSwap = z.object({ place: z.string(), next: z.string().optional(), aside: z.string(), was: z.boolean() })

/** A tree of files on its way to its place. */
const TreeOnItsWay = z.object({
  /** Of a restore: where it is put together, and a link to that which waits to take the place of another; removed when it comes to nothing. */
  folder: z.string().optional(),
  link: z.string().optional(),
  /** What is put where, known once the tree is whole; from then on nothing but this list is followed. */
  swaps: z.array(PlaceSwap).optional(),
  left: FilesLeft.optional(),
})
export type TreeOnItsWay = z.infer<typeof TreeOnItsWay>

/** A hook that was begun and has not come to its end, as far as the life of the agent knew that began it. */
const HookUnderWay = z.object({
  on: z.enum(['post', 'stop', 'start', 'ready']),
  pid: z.int(),
  place: z.string().optional(),
  startTicks: z.string(),
  timeoutMs: z.int(),
})

/** One accepted command. The sealed identity is not in it: it comes with the wish or not at all. */
const Entry = z.object({
  restoreId: RestoreId,
  sourceId: SourceId,
  nonce: z.string(),
  /** When NATS took its message, milliseconds UTC. */
  publishedAt: z.number().optional(),
  who: z.array(z.string()),
  stage: Stage,
  /** Under which name the present database, or where the present data directory or tree, will be kept; undefined when there was none. */
  aside: z.string().optional(),
  /** Of a revert: which database or data directory is to have its place back; of a promotion into the place: which one is to have it. */
  back: z.string().optional(),
  /** Likewise of a cluster: the newest timeline that is another's. */
  taken: Timeline.optional(),
  /** The stop hook was begun, and the start hook has not come to its end since. */
  stopped: z.boolean().optional(),
  hook: HookUnderWay.optional(),
  /** What a release of tables is about to drop, all of it in one transaction. */
  dropping: z.array(z.string()).optional(),
  /** What was recovered apart, waiting for its swap. */
  cluster: ClusterLeft.optional(),
  files: TreeOnItsWay.optional(),
  /** Which targets could not help when it was looked last. */
  passedOver: z.array(PassedOver).optional(),
  settled: RestoreSettled.schema.optional(),
})
export type Entry = z.infer<typeof Entry>

/** Every command this agent ever accepted, on its own disk: what was obeyed once is not obeyed again, whatever the bus says. */
export interface RestoreBook {
  byNonce(nonce: string): Entry | undefined
  byId(restoreId: RestoreId): Entry | undefined
  /** All of a source that were accepted, the newest first. */
  of(sourceId: SourceId): Entry[]
  /** Those that have not come to an end, whether or not anybody works on them. */
  open(sourceId: SourceId): Entry[]
  /** A private folder for what is on its way; disposing empties it. */
  makeRoom(): Promise<{ path: string } & AsyncDisposable>
  /** On the disk when it resolves. */
  write(entry: Entry): Promise<void>
}

const WORK = 'work-'

export async function openBook(spoolPath: string): Promise<RestoreBook> {
  const folder = join(spoolPath, 'restores')
  await mkdir(folder, { recursive: true, mode: 0o700 })
  // What a killed process had decrypted must not stay.
  for (const name of (await readdir(folder)).filter((each) => each.startsWith(WORK)))
    await rm(join(folder, name), { recursive: true, force: true })
  const entries = new Map<string, Entry>()
  for (const name of (await readdir(folder)).filter((each) => each.endsWith('.json'))) {
    const entry = Entry.parse(JSON.parse(await readFile(join(folder, name), 'utf8')))
    entries.set(entry.restoreId, entry)
  }
  return {
    byNonce: (nonce) => entries.values().find((entry) => entry.nonce === nonce),
    byId: (restoreId) => entries.get(restoreId),
    of: (sourceId) =>
      [...entries.values()]
        .filter((entry) => entry.sourceId === sourceId)
        .sort((a, b) => (a.restoreId < b.restoreId ? 1 : -1)),
    open: (sourceId) =>
      [...entries.values()].filter((entry) => entry.sourceId === sourceId && entry.stage !== 'settled'),
    makeRoom: () => makeRoom(folder),
    async write(entry) {
      // Seen by whoever asks meanwhile: of two commands that come at once the second must find the first.
      entries.set(entry.restoreId, entry)
      await writeDurably(join(folder, `${entry.restoreId}.json`), JSON.stringify(entry))
    },
  }
}

async function makeRoom(folder: string): Promise<{ path: string } & AsyncDisposable> {
  const path = await mkdtemp(join(folder, WORK))
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) }
}
