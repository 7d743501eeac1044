import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it, test } from 'vitest'
import { commandsOf, verbOf } from './commands.ts'
import { RUNBOOKS } from './page.ts'

it('takes blocks inside lists as well, and tells what is typed nowhere', () => {
  const page = `# Level
Say \`lifeboat doctor\` first.

## Mend it

- Look:

  \`\`\`sh
  lifeboat status || true
  if true; then
    lifeboat backup list
  fi
  \`\`\`

- Or \`lifeboat restore revert "$SOURCE" --in-place\`, and not \`--until\`:

  \`\`\`
  lifeboat catalog rebuild TARGET
  \`\`\`

\`\`\`sh
lifeboat doctor
\`\`\`

## Afterwards
Nothing.
`
  const { sections, loose } = commandsOf(page)
  const mend = 'lifeboat status || true\nif true; then\n  lifeboat backup list\nfi\nlifeboat doctor\n'
  expect([...sections]).toEqual([['Mend it', mend]])
  expect(loose.map(verbOf).sort()).toEqual(['catalog rebuild', 'doctor', 'restore revert'])
})

const PAGES = readdirSync(RUNBOOKS).filter((name) => name.endsWith('.md'))

test.each(PAGES)('every command of lifeboat that %s speaks of stands in a block that is run', (name) => {
  const { sections, loose } = commandsOf(readFileSync(join(RUNBOOKS, name), 'utf8'))
  const run = new Set([...sections.values()].flatMap((script) => script.split('\n').map(verbOf)))
  expect(loose.filter((command) => !run.has(verbOf(command)))).toEqual([])
})
