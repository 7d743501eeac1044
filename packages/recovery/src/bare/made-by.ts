import { lstat, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { isRunning, markOf, ownPlace, type ProcessMark } from '@lifeboat/shared/run/process-mark.ts'

/** Who made the folder; one without it is not known to be ours. */
export const MADE_BY = 'made-by.json'

/** Writes down that a folder is of this process, for whoever finds it when that is dead. */
export async function markFolder(folder: string): Promise<void> {
  await writeFile(join(folder, MADE_BY), JSON.stringify(await markOf(process.pid)), { mode: 0o600 })
}

export interface Left {
  root: string
  /** What their names begin with. */
  prefix: string
  /** Of the account they belong to. */
  uid: number | undefined
  /** Not touched since then. */
  untilMs: number
}

/** Folders whose makers are dead. Not those of makers that cannot be seen from here (another container), and not what a link leads to. */
export async function* leftFolders({ root, prefix, uid, untilMs }: Left): AsyncGenerator<string> {
  const here = await ownPlace()
  for (const name of (await readdir(root)).filter((each) => each.startsWith(prefix))) {
    const folder = join(root, name)
    const found = await lstat(folder).catch(() => undefined)
    if (!found?.isDirectory() || found.uid !== uid || found.mtimeMs > untilMs) continue
    const maker = await makerOf(folder)
    if (maker !== undefined && maker.place === here && !(await isRunning(maker))) yield folder
  }
}

/** undefined where none is told, or not for certain. */
async function makerOf(folder: string): Promise<ProcessMark | undefined> {
  const file = join(folder, MADE_BY)
  const isFile = await lstat(file).then(
    (found) => found.isFile(),
    () => false,
  )
  // A pipe would be waited for.
  const text = isFile ? await readFile(file, 'utf8').catch(() => '') : ''
  try {
    const maker = JSON.parse(text) as ProcessMark
    return Number.isInteger(maker.pid) && maker.place && maker.startTicks ? maker : undefined
  } catch {
    return undefined
  }
}
