import { existsSync, globSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, expect, test } from 'vitest'

const ROOT = join(import.meta.dirname, '..')
const DOCUMENTS = globSync(['*.md', 'docs/**/*.md'], { cwd: ROOT })
const headings = new Map<string, readonly string[]>()
const LINK = /\]\((?!\w+:)([^)#\s]*)(?:#([^)\s]*))?\)/g

describe.each(DOCUMENTS)('%s', (document) => {
  const text = read(document)

  test('was merged to its end', () => {
    expect(text).not.toMatch(/^(<{7}|={7}|>{7})( |$)/m)
  })

  test('leads to files and headings that are there', () => {
    const lost = [...text.matchAll(LINK)].filter(([, file = '', heading]) => {
      const to = file === '' ? document : join(dirname(document), file)
      return !existsSync(join(ROOT, to)) || (heading !== undefined && !headingsOf(to).includes(heading))
    })
    expect(lost.map(([link]) => link)).toEqual([])
  })
})

function read(document: string): string {
  return readFileSync(join(ROOT, document), 'utf8')
}

/** As GitHub names them. */
function headingsOf(document: string): readonly string[] {
  const known =
    headings.get(document) ?? [...read(document).matchAll(/^#+ (.*)$/gm)].map(([, heading = '']) => nameOf(heading))
  headings.set(document, known)
  return known
}

function nameOf(heading: string): string {
  const words = heading.toLowerCase().replace(/[^\p{L}\p{N}\s_-]/gu, '')
  return words.trim().replace(/\s/g, '-')
}
