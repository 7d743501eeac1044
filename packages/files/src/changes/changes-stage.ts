import { ownProgram } from '@lifeboat/postgres/tools/own-program.ts'
import type { Stage } from '@lifeboat/postgres/tools/stage.ts'

/** What is to be compared: names below the root with both their places. */
export interface ChangesAsked {
  exclude: readonly string[]
  pairs: readonly { name: string; live: string; next: string }[]
}

/** Says what trees that are to come change; takes what is asked on its standard input. */
export function changesStage(): Stage {
  return { tool: 'files-changes', ...ownProgram(new URL('./changes-main.ts', import.meta.url)) }
}
