import { randomUUID } from 'node:crypto'
import { closeSync, existsSync, openSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Secret } from '@lifeboat/shared/config/secret.ts'

/** Memory on Linux, so that the secret reaches no disk. */
const MEMORY = '/dev/shm'

/**
 * A secret as an open file without a name, for a program to inherit and to read as /dev/fd/3. A pipe would not do: opening one that way waits
 * for a writer. Disposing closes our end, and then nothing is left of it.
 */
export function secretFile(secret: Secret): Disposable & { fd: number } {
  const path = join(existsSync(MEMORY) ? MEMORY : tmpdir(), `lifeboat-${randomUUID()}`)
  try {
    writeFileSync(path, `${secret.reveal().trim()}\n`, { mode: 0o600, flag: 'wx' })
    const fd = openSync(path, 'r')
    return { fd, [Symbol.dispose]: () => closeSync(fd) }
  } finally {
    rmSync(path, { force: true })
  }
}
