import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { isThere, type PlaceSwap } from '@lifeboat/recovery/swap/swap-places.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import type { FilesCommandTo } from '../command.ts'
import { runNoted } from '../noted-hook.ts'

/**
 * Lets the post hook finish the tree that is about to come. What goes where is decided by then, so it may change what comes as it likes, but neither take any of it away nor make what would go nowhere.
 *
 * @throws LifeboatError RESTORE_HOOK_UNKNOWN | RESTORE_HOOK_FAILED | RESTORE_FILES_UNFIT
 */
export async function postHook(
  command: FilesCommandTo<'restore'>,
  { folder, swaps }: { folder: string; swaps: readonly PlaceSwap[] },
): Promise<void> {
  const { order, restore, files, run, report } = command
  const name = order.hooks.post
  if (name === undefined) return
  const hook = restore.hooks[name]
  if (!hook) throw new LifeboatError('RESTORE_HOOK_UNKNOWN', { hook: name })
  report('post hook')
  const at = { folder, env: { LIFEBOAT_RELEASE: folder, LIFEBOAT_LIVE: files.root } }
  const parts = partsIn(folder, swaps)
  const before = new Set(await besides(folder, parts))
  await runNoted(command, hook, { name, on: 'post', swapped: false, at, signal: run.signal })
  const unfit = (await besides(folder, parts))
    .filter((path) => !before.has(path))
    .map((path) => `the post hook made ${path}, which is in no part that is put in place`)
  for (const path of [folder, ...parts])
    if (!(await isThere(path))) unfit.push(`the post hook removed ${path}, which was to be put in place`)
  if (unfit.length > 0)
    throw new LifeboatError('RESTORE_FILES_UNFIT', { problem: unfit.join('; '), root: files.root, hook: name })
}

/** What of it is put in place by itself; nothing: all of it is. */
function partsIn(folder: string, swaps: readonly PlaceSwap[]): string[] {
  return swaps.flatMap(({ next }) => (next?.startsWith(`${folder}/`) ? [next] : []))
}

/** What is in a folder beside these parts of it. */
async function besides(folder: string, parts: readonly string[]): Promise<string[]> {
  const found: string[] = []
  if (parts.length === 0) return found
  for (const entry of await readdir(folder).catch(() => [])) {
    const path = join(folder, entry)
    if (parts.includes(path)) continue
    if (parts.some((part) => part.startsWith(`${path}/`))) found.push(...(await besides(path, parts)))
    else found.push(path)
  }
  return found
}
