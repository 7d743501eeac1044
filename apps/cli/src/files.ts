import { writeFile } from 'node:fs/promises'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'

/** A file that must not be there yet, for nobody else to read: a key that is overwritten is lost. @throws LifeboatError CLI_USAGE */
export async function writeNew(file: string, text: string): Promise<void> {
  await writeFile(file, text, { mode: 0o600, flag: 'wx' }).catch((cause: NodeJS.ErrnoException) => {
    const why = cause.code === 'EEXIST' ? 'this file exists already' : `it cannot be written (${cause.code})`
    throw new LifeboatError('CLI_USAGE', { file, problem: `${why}; choose another place with --out` }, { cause })
  })
}
