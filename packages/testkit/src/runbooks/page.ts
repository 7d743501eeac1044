import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises'
import { delimiter, join, resolve } from 'node:path'
import { text } from 'node:stream/consumers'
import { childEnvironment } from '../child-environment.ts'
import { commandsOf } from './commands.ts'

const ROOT = resolve(import.meta.dirname, '../../../..')

/** The pages themselves. */
export const RUNBOOKS = join(ROOT, 'docs/runbooks')

/** A page of docs/runbooks whose commands are run as an operator would type them. */
export interface Runbook {
  /**
   * Runs the commands of the section with this heading, in one shell that ends with the first error.
   *
   * @param env what the page leaves to be filled in, without the `$`
   * @returns what they printed
   * @throws Error with all output when one fails, or there is no such section
   */
  run(heading: string, env: Readonly<Record<string, string>>): Promise<string>
}

/** Page → the headings whose commands were run in this process. */
const ran = new Map<string, Set<string>>()

/** Headings of a page with commands that nobody ran until now. */
export async function notRunOf(page: string): Promise<string[]> {
  const { sections } = commandsOf(await readFile(join(RUNBOOKS, page), 'utf8'))
  return [...sections.keys()].filter((heading) => !ran.get(page)?.has(heading))
}

/** @param folder where the command `lifeboat` is put, as the page calls it */
export async function openRunbook(page: string, folder: string): Promise<Runbook> {
  const { sections } = commandsOf(await readFile(join(RUNBOOKS, page), 'utf8'))
  const programs = join(folder, 'bin')
  await mkdir(programs, { recursive: true })
  const command = join(programs, 'lifeboat')
  await writeFile(command, `#!/bin/sh\nexec ${process.execPath} ${join(ROOT, 'apps/cli/src/main.ts')} "$@"\n`)
  await chmod(command, 0o755)
  return {
    async run(heading, env) {
      const script = sections.get(heading)
      if (script === undefined) throw new Error(`${page} has no section “${heading}” with commands`)
      const child = spawn('bash', ['-euo', 'pipefail', '-c', script], {
        env: childEnvironment({ PATH: programs + delimiter + process.env.PATH, ...env }),
        stdio: ['ignore', 'pipe', 'pipe'],
      })
      const [out, err, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')])
      if (code !== 0) throw new Error(`“${heading}” of ${page} ended with ${code}:\n${out}\n${err}`)
      ran.set(page, (ran.get(page) ?? new Set()).add(heading))
      return out
    },
  }
}
