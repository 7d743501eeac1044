import { lstatSync, readdirSync, type Stats } from 'node:fs'
import type { FilesSourceConfig } from '../source-config.ts'
import { excluder } from './patterns.ts'

/** Entries between two breaths of the event loop. */
const STRETCH = 2_000

/**
 * Goes through what a source takes, as tar would: exclusions and mounts left out, links not followed. What vanishes meanwhile is passed over.
 *
 * Lets others have their turn every few thousand entries; holds the entries of the folders on the way down, no more.
 *
 * @param points names tar begins with
 */
export async function walkTree(
  source: Pick<FilesSourceConfig, 'root' | 'exclude' | 'oneFilesystem'>,
  points: readonly Buffer[],
  visit: (name: Buffer, stat: Stats) => void,
  signal: AbortSignal,
): Promise<void> {
  const isExcluded = excluder(source.exclude)
  const waiting = points.toReversed().map((point) => point.toString('latin1'))
  const device = lookAt(source.root, '.')?.dev
  for (let seen = 1; waiting.length > 0; seen++) {
    if (seen % STRETCH === 0) {
      await new Promise(setImmediate)
      signal.throwIfAborted()
    }
    const name = waiting.pop() as string
    const stat = lookAt(source.root, name)
    if (stat === undefined || isExcluded(name)) continue
    visit(Buffer.from(name, 'latin1'), stat)
    if (!stat.isDirectory() || (source.oneFilesystem && stat.dev !== device)) continue
    for (const entry of entriesOf(source.root, name)) waiting.push(`${name}/${entry}`)
  }
}

function entriesOf(root: string, name: string): string[] {
  try {
    return readdirSync(pathOf(root, name), { encoding: 'latin1' })
  } catch {
    return []
  }
}

function lookAt(root: string, name: string): Stats | undefined {
  try {
    return lstatSync(pathOf(root, name))
  } catch {
    return undefined
  }
}

function pathOf(root: string, name: string): Buffer {
  return Buffer.concat([Buffer.from(`${root}/`), Buffer.from(name, 'latin1')])
}
