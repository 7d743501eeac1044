import { constants } from 'node:fs'
import { access, stat } from 'node:fs/promises'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'

/** @throws LifeboatError FILES_ROOT_MISSING – nothing there, no folder, or no right to look into it */
export async function demandRoot(root: string): Promise<void> {
  try {
    if (!(await stat(root)).isDirectory()) throw new LifeboatError('FILES_ROOT_MISSING', { root, problem: 'no folder' })
    await access(root, constants.R_OK | constants.X_OK)
  } catch (cause) {
    if (cause instanceof LifeboatError) throw cause
    const { code } = cause as NodeJS.ErrnoException
    throw new LifeboatError('FILES_ROOT_MISSING', { root, systemCode: code }, { cause })
  }
}
