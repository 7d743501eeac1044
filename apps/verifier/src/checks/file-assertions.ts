import { lstat, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { parseDocument } from 'yaml'
import type { DrillRules } from '../config.ts'
import { type Answer, failed, passed } from '../findings.ts'

type FileAssertion = DrillRules['files'][number]

/** Is a file there that must be, and is in it what it must be? Links are not followed: they lead to what is not there. */
export async function checkFile(root: string, { path, parses }: FileAssertion): Promise<Answer> {
  const found = await lstat(join(root, path)).catch(() => undefined)
  if (!found?.isFile()) return failed(found ? `${path} is no file.` : `There is no ${path}.`)
  if (parses === undefined) return passed(`${path} is there, ${found.size} bytes.`)
  const problem = problemIn(await readFile(join(root, path), 'utf8'), parses)
  return problem === undefined ? passed(`${path} is whole ${parses}.`) : failed(`${path} is no ${parses}: ${problem}.`)
}

/** Its place, never its words: a configuration holds secrets. */
function problemIn(text: string, parses: NonNullable<FileAssertion['parses']>): string | undefined {
  if (parses === 'yaml') {
    const [error] = parseDocument(text, { logLevel: 'silent', prettyErrors: false }).errors
    return error && `${error.code} at character ${error.pos[0]}`
  }
  try {
    JSON.parse(text)
    return undefined
  } catch (thrown) {
    return /at position \d+/.exec(String(thrown))?.[0] ?? 'it ends too early'
  }
}
