import { CATALOGUE } from '@lifeboat/shared/errors/catalogue.ts'
import type { CatalogueEntry } from '@lifeboat/shared/errors/entries/entry.ts'

const AGAIN: Record<CatalogueEntry['retry'], string> = {
  now: 'tried again at once',
  later: 'tried again after a pause',
  never: 'not tried again',
}

/** docs/errors.md: what an operator who reads a code wants to do next. */
export function errorsDoc(): string {
  return `# Errors

Generated from \`packages/shared/src/errors/catalogue.ts\`; change it there and run \`pnpm generate\`. Codes are for ever: one that is no longer raised stays listed.

${Object.entries<CatalogueEntry>(CATALOGUE).map(entry).join('\n\n')}
`
}

function entry([code, { title, hint, retry, level }]: [string, CatalogueEntry]): string {
  return `## ${code}\n\n${title}. (${level}; ${AGAIN[retry]})\n\n${hint}`
}
