import { basename, dirname, join } from 'node:path'
import { asideForm } from '@lifeboat/recovery/swap/aside-names.ts'
import type { RestorePlan } from '@lifeboat/shared/domain/restore.ts'
import type { FilesChanges, FilesLeft } from '@lifeboat/shared/domain/restore-files.ts'
import { formatBytes } from '@lifeboat/shared/time/duration.ts'

const SHOWN = 10
const WORDS: readonly [keyof FilesChanges, string][] = [
  ['added', 'added'],
  ['removed', 'no longer there'],
  ['changed', 'changed'],
  ['excluded', 'left out of backups, so not in the new tree'],
]

/** What came back, and what is different now. */
export function filesLines({ files, bytes, changes }: FilesLeft): string[] {
  return [
    `${files} files of ${formatBytes(bytes)} came back and were compared with the list of what was archived.`,
    ...changesLines(changes),
  ]
}

/** How the tree of the backup and the one that was there differ; of each kind the first names. */
export function changesLines(changes: FilesChanges): string[] {
  const lists = WORDS.flatMap(([what, words]) => {
    const { count, paths } = changes[what]
    if (count === 0) return []
    const more = count > SHOWN ? [`  and ${count - Math.min(SHOWN, paths.length)} more`] : []
    return [`${count} ${words}:`, ...paths.slice(0, SHOWN).map((path) => `  ${path}`), ...more]
  })
  return lists.length === 0 ? ['Nothing is different from what was there.'] : lists
}

/** The same in a few words. */
export function changesText(changes: FilesChanges): string {
  const counts = WORDS.flatMap(([what, words]) =>
    what === 'excluded' || changes[what].count === 0 ? [] : [`${changes[what].count} ${words}`],
  )
  return counts.join(', ') || 'nothing differs'
}

/** How a tree gets its place, for the plan. */
export function plannedFilesLines({ root, swap, folder }: NonNullable<RestorePlan['files']>): [string, string][] {
  const aside = join(dirname(root), asideForm(basename(root)))
  const how = {
    folder: [`${root}, by renaming`, `what is there now stays as ${aside}, until \`lifeboat restore release\``],
    link: [
      `${root}, a link that is pointed to ${folder}`,
      `the folder it leads to now, and a link to it as ${aside}, until \`lifeboat restore release\``,
    ],
    parts: [
      `what the backup holds below ${root}, each by renaming`,
      'what is there now stays as <name>_before_<when> beside it, until `lifeboat restore release`',
    ],
  } as const
  const [place, kept] = how[swap]
  return [
    ['in place', place],
    ['kept', kept],
  ]
}
