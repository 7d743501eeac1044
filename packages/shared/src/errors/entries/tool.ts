import type { CatalogueEntry } from './entry.ts'

/** Programs Lifeboat starts. */
export const TOOL_ERRORS = {
  TOOL_MISSING: {
    title: 'A program that is needed is not installed',
    hint: 'Run `pnpm run setup`, or install the package the facts name.',
    retry: 'later',
    level: 'error',
  },
  TOOL_FAILED: {
    title: 'A program ended with an error',
    hint: 'The last lines it wrote are in the facts under `stderr`.',
    retry: 'later',
    level: 'error',
  },
  TOOL_KILLED: {
    title: 'A program was killed',
    hint: 'Look for the out-of-memory killer (`dmesg`) or a person; the signal is in the facts.',
    retry: 'later',
    level: 'error',
  },
} as const satisfies Record<string, CatalogueEntry>
